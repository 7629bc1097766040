/** people.js – the list of participants and their states. */

import {explain} from './reasons.js';
import {icon, make} from './ui.js';

/** @typedef {import('./azulejo.js').Participant} Participant */
/** @typedef {import('./azulejo.js').Tile} Tile */

export class People {
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();

  /** @param {HTMLElement} list */
  constructor(list) { this.list = list; }

  /** @param {Participant[]} all @param {string} me id */
  show(all, me) {
    this.#rows = new Map(all.map((p) => [p.id, this.#row(p, me)]));
    this.list.replaceChildren(...this.#rows.values());
  }

  /** Marks participants that speak, and those whose video is old. @param {Tile[]} tiles */
  update(tiles) {
    for (const t of tiles || []) {
      const row = this.#rows.get(t.id);
      row?.classList.toggle('speaking', Boolean(t.speaking));
      const age = row?.querySelector('.age');
      if (age) age.textContent = t.state && t.state !== 'live' ? (t.reason ? explain(t.reason) : t.state) : '';
    }
  }

  /** @param {Participant} p @param {string} me */
  #row(p, me) {
    const row = make('li', '', make('span', 'who', p.name), make('span', 'age', p.reason ? explain(p.reason) : ''));
    if (p.id === me) row.append(make('span', 'you', 'you'));
    if (p.muted?.audio || p.publish?.audio === false) row.append(said('mic-off', 'microphone off'));
    if (p.muted?.video || p.publish?.video === false) row.append(said('cam-off', 'camera off'));
    if (p.audioReason) row.append(make('span', 'age', explain(p.audioReason)));
    return row;
  }
}

/** @param {string} symbol @param {string} words */
function said(symbol, words) {
  return make('span', '', icon(symbol), make('span', 'unseen', words));
}
