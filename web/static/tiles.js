/**
 * tiles.js – the tiles of a view as buttons over the video: a tap puts a source in the spotlight for this
 * viewer alone, another tap ends that. A tap on the tile with "+N" shows the next page. A tile that is not live says why, and
 * in the spotlight it says more. The buttons follow the layout events and the position of the video in its element.
 */

import {language, trouble} from './reasons.js';
import {make} from './ui.js';

/** @typedef {import('./azulejo.js').Client} Client */
/** @typedef {import('./azulejo.js').Layout} Layout */
/** @typedef {import('./azulejo.js').Participant} Participant */
/** @typedef {import('./azulejo.js').Selection} Selection */
/** @typedef {import('./azulejo.js').Tile} Tile */

/** The rectangle of the video inside its element, as object-fit: contain places it. @param {{w: number, h: number}} element @param {{w: number, h: number}} canvas */
export function inside(element, canvas) {
  const scale = Math.min(element.w / canvas.w, element.h / canvas.h);
  const w = canvas.w * scale, h = canvas.h * scale;
  return {x: (element.w - w) / 2, y: (element.h - h) / 2, w, h};
}

export class Tiles {
  /** @type {Layout|null} */
  #layout = null;
  /** @type {Map<string, HTMLButtonElement>} by id */
  #buttons = new Map();
  /** @type {Map<string, Participant>} by id */
  #sources = new Map();
  /** @type {string[]} ids in the order of the named view, for the number keys */
  #order = [];
  /** the id in the spotlight of this viewer */
  #chosen = '';
  #observer = new ResizeObserver(() => this.#place());

  /**
   * @param {HTMLVideoElement} video inside a positioned element
   * @param {Selection} home the selection without a spotlight
   * @param {(name: string) => void} [say] called with the name in the spotlight; '' when there is none
   */
  constructor(video, home, say = () => {}) {
    this.video = video;
    this.home = home;
    this.say = say;
    /** @type {Client|null} */
    this.client = null;
    this.box = make('div', 'tiles');
    video.after(this.box);
    this.#observer.observe(video);
  }

  /** Shows the tiles of a client from now on; null: none. @param {Client|null} client */
  follow(client) {
    this.client = client;
    this.clear();
    client?.on('layout', (layout) => { if (this.client === client) this.#show(layout); });
    client?.on('participants', (all) => {
      if (this.client !== client) return;
      this.#sources = new Map(all.map((p) => [p.id, p]));
      this.#explain();
    });
  }

  /** Hides the tiles until the next layout. */
  clear() {
    this.#layout = null;
    this.#chosen = '';
    this.#buttons.clear();
    this.box.replaceChildren();
  }

  /** Number keys select a tile, Escape ends the spotlight. @param {KeyboardEvent} e @returns {boolean} whether it was one of them */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.client) return false;
    if (e.key === 'Escape' && this.#chosen) this.#back();
    else if (/^[1-9]$/.test(e.key) && this.#order[Number(e.key) - 1]) this.#choose(this.#order[Number(e.key) - 1]);
    else return false;
    return true;
  }

  /** @param {Layout} layout */
  #show(layout) {
    this.#layout = layout;
    const {tiles} = layout;
    if (!this.#chosen) this.#order = tiles.map((t) => t.id).filter(Boolean);
    else if (!tiles.some((t) => t.id === this.#chosen)) this.#back(); // the selected participant has left
    for (const [id, button] of this.#buttons) {
      if (tiles.some((t) => t.id === id)) continue;
      button.remove();
      this.#buttons.delete(id);
    }
    tiles.forEach((t, i) => this.#draw(t, i, layout.canvas));
    this.#explain();
    this.#place();
  }

  /** Writes on each tile that is not live why it is not. */
  #explain() {
    for (const tile of this.#layout?.tiles || []) {
      const button = this.#buttons.get(tile.id);
      if (!button) continue;
      const why = trouble(tile, this.#sources.get(tile.id));
      const more = tile.id !== '' && tile.id === this.#chosen;
      button.setAttribute('aria-label', describe(tile, why));
      write(button, [
        ['sentence', why.sentence],
        ['since', why.sentence && why.since],
        ['detail', more ? why.detail : ''],
        ['sound', more || why.sentence ? why.sound : ''],
      ]);
    }
  }

  /** Reuses the element of a button, so that focus and hover stay. @param {Tile} tile @param {number} i @param {{w: number, h: number}} canvas */
  #draw(tile, i, canvas) {
    let button = this.#buttons.get(tile.id);
    if (!button) {
      button = /** @type {HTMLButtonElement} */ (make('button', 'tile'));
      button.type = 'button';
      button.addEventListener('click', () => { if (tile.id) this.#choose(tile.id); else this.#turn(); });
      this.#buttons.set(tile.id, button);
    }
    if (this.box.children[i] !== button) this.box.insertBefore(button, this.box.children[i] || null); // later tiles lie on earlier ones
    button.dataset.id = tile.id;
    button.setAttribute('aria-pressed', this.#pressed(tile.id));
    const {style} = button;
    style.left = `${100 * tile.x / canvas.w}%`;
    style.top = `${100 * tile.y / canvas.h}%`;
    style.width = `${100 * tile.w / canvas.w}%`;
    style.height = `${100 * tile.h / canvas.h}%`;
  }

  /** Places the box over the video, without the bars beside it. */
  #place() {
    if (!this.#layout) return;
    const {x, y, w, h} = inside({w: this.video.clientWidth, h: this.video.clientHeight}, this.#layout.canvas);
    const {style} = this.box;
    style.left = `${this.video.offsetLeft + x}px`;
    style.top = `${this.video.offsetTop + y}px`;
    style.width = `${w}px`;
    style.height = `${h}px`;
  }

  /** @param {string} id */
  #choose(id) {
    if (id === this.#chosen) return this.#back();
    const name = this.#layout?.tiles.find((t) => t.id === id)?.name || '';
    this.#mark(id);
    this.client?.view(this.#selection());
    this.say(name);
  }

  /** Shows the next page; after the last the first. */
  #turn() {
    const {page = 0, pages = 1} = this.#layout || {};
    this.client?.view({...this.#selection(), page: page % pages + 1});
  }

  /** The current selection, on its first page. @returns {Selection} */
  #selection() {
    return this.#chosen ? {...this.home, layout: undefined, spotlight: this.#chosen} : this.home;
  }

  #back() {
    this.#mark('');
    this.client?.view(this.home);
    this.say('');
  }

  /** @param {string} id */
  #mark(id) {
    this.#chosen = id;
    for (const [other, button] of this.#buttons) button.setAttribute('aria-pressed', this.#pressed(other));
    this.#explain();
  }

  /** @param {string} id */
  #pressed(id) { return String(id !== '' && id === this.#chosen); }
}

/** Shows lines on a tile; without any there is no element. @param {HTMLElement} button @param {[name: string, words: string][]} lines */
function write(button, lines) {
  const shown = lines.filter(([, words]) => words);
  const key = JSON.stringify(shown);
  if ((button.dataset.why || '[]') === key) return;
  button.dataset.why = key;
  const box = make('span', 'why', ...shown.map(([name, words]) => make('span', name, words)));
  box.lang = language();
  button.replaceChildren(...shown.length ? [box] : []);
}

/** @param {Tile} tile @param {{sentence: string}} why */
function describe(tile, why) {
  if (!tile.id) return `${tile.name}: next page`;
  const how = tile.state !== 'live' ? `, ${why.sentence || tile.state}` : tile.speaking ? ', speaking' : '';
  return `${tile.name}${how}: large`;
}
