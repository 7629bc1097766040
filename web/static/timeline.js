/**
 * timeline.js – lanes of recorded spans over time: click or press keys to pick a time, drag or
 * scroll sideways to move. It draws the given lanes and calls reports; it fetches nothing.
 */

import {make} from './ui.js';
import {clock, day, hour, hourMinute, minute, ticks, zone} from './time.js';

/** @typedef {{from: number, to: number, where: string}} Span */
/** @typedef {{from: number, to: number, reason: string}} Gap */
/** @typedef {{name: string, spans: Span[], gaps: Gap[]}} Lane */
/** @typedef {{pick: (stream: string, t: number) => void, move: (from: number, to: number) => void, choose: (stream: string) => void}} Reports */

export class Timeline {
  from = 0;
  to = 1;
  chosen = '';
  /** @type {Lane[]} */
  #lanes = [];
  #time = NaN;
  /** @type {Map<string, HTMLElement>} */
  #tracks = new Map();
  #field = make('div', 'field');
  #needle = make('div', 'needle');
  #ghost = make('div', 'ghost');
  #ticks = make('div', 'ticks');
  /** @type {{x: number, from: number, moved: boolean, name: string}|null} */
  #drag = null;

  /** @param {HTMLElement} root @param {Reports} reports */
  constructor(root, reports) {
    this.root = root;
    this.reports = reports;
    root.className = 'timeline';
    this.#ghost.append(make('span'));
    this.#ghost.hidden = this.#needle.hidden = true;
    this.#field.append(this.#needle, this.#ghost);
    this.#ticks.setAttribute('aria-hidden', 'true');
  }

  /** @param {number} from @param {number} to */
  view(from, to) {
    this.from = from;
    this.to = to;
    this.#draw();
  }

  /** @param {Lane[]} lanes */
  show(lanes) {
    const same = lanes.map((l) => l.name).join('/') === this.#lanes.map((l) => l.name).join('/');
    this.#lanes = lanes;
    if (!same) this.#build();
    this.#draw();
  }

  /** @param {string} name */
  choose(name) {
    this.chosen = name;
    for (const button of this.root.querySelectorAll('.lane-name')) button.setAttribute('aria-pressed', String(button.textContent === name));
    for (const [n, track] of this.#tracks) track.classList.toggle('off', n !== name);
  }

  /** Moves the needle to the time of the frame. @param {number} t */
  time(t) {
    this.#time = t;
    this.#needle.hidden = !(t >= this.from && t <= this.to);
    this.#needle.style.left = this.#percent(t);
    for (const track of this.#tracks.values()) {
      track.setAttribute('aria-valuenow', String(Math.round(t / 1000)));
      track.setAttribute('aria-valuetext', Number.isNaN(t) ? 'no time picked' : `${day(t)} ${clock(t)} ${zone(t)}`);
    }
  }

  #build() {
    this.#tracks = new Map(this.#lanes.map((l) => [l.name, this.#track(l.name)]));
    const rows = [...this.#tracks].flatMap(([name, track], i) => [place(this.#label(name), `${i + 1} / 1`), place(track, `${i + 1} / 2`)]);
    const n = this.#tracks.size;
    this.root.replaceChildren(...rows, place(this.#field, `1 / 2 / ${n + 1} / 3`), place(this.#ticks, `${n + 1} / 2`));
    this.choose(this.chosen);
  }

  /** @param {string} name */
  #label(name) {
    const button = make('button', 'lane-name', name);
    button.setAttribute('type', 'button');
    button.addEventListener('click', () => this.reports.choose(name));
    return button;
  }

  /** @param {string} name */
  #track(name) {
    const track = make('div', 'lane');
    track.tabIndex = 0;
    track.setAttribute('role', 'slider');
    track.setAttribute('aria-label', `Time in ${name}`);
    track.addEventListener('pointerdown', (e) => this.#down(e, track, name));
    track.addEventListener('pointermove', (e) => this.#moved(e, track));
    track.addEventListener('pointerup', (e) => this.#up(e, track));
    track.addEventListener('pointercancel', () => { this.#drag = null; });
    track.addEventListener('pointerleave', () => { this.#ghost.hidden = true; });
    track.addEventListener('wheel', (e) => this.#wheel(e, track), {passive: false});
    track.addEventListener('keydown', (e) => this.#key(e, name));
    return track;
  }

  /** @param {PointerEvent|WheelEvent} e @param {HTMLElement} track */
  #at(e, track) {
    const box = track.getBoundingClientRect();
    return this.from + (this.to - this.from) * Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
  }

  /** @param {PointerEvent} e @param {HTMLElement} track @param {string} name */
  #down(e, track, name) {
    if (e.button !== 0) return;
    track.setPointerCapture(e.pointerId);
    this.#drag = {x: e.clientX, from: this.from, moved: false, name};
  }

  /** @param {PointerEvent} e @param {HTMLElement} track */
  #moved(e, track) {
    const t = this.#at(e, track);
    this.#ghost.hidden = e.pointerType === 'touch' || Boolean(this.#drag?.moved);
    this.#ghost.style.left = this.#percent(t);
    this.#ghost.children[0].textContent = clock(t);
    if (!this.#drag) return;
    const dx = e.clientX - this.#drag.x;
    if (Math.abs(dx) > 5) this.#drag.moved = true;
    if (!this.#drag.moved) return;
    const length = this.to - this.from;
    const from = this.#drag.from - dx / track.getBoundingClientRect().width * length;
    this.reports.move(from, from + length);
  }

  /** @param {PointerEvent} e @param {HTMLElement} track */
  #up(e, track) {
    const drag = this.#drag;
    this.#drag = null;
    if (drag && !drag.moved) this.reports.pick(drag.name, this.#at(e, track));
  }

  /** @param {WheelEvent} e @param {HTMLElement} track */
  #wheel(e, track) {
    if (Math.abs(e.deltaX) <= Math.abs(e.deltaY)) return;
    e.preventDefault();
    const by = e.deltaX / track.getBoundingClientRect().width * (this.to - this.from);
    this.reports.move(this.from + by, this.to + by);
  }

  /** @param {KeyboardEvent} e @param {string} name */
  #key(e, name) {
    const step = e.shiftKey ? minute : 10000;
    const start = Number.isNaN(this.#time) ? (this.from + this.to) / 2 : this.#time;
    const lane = this.#lanes.find((l) => l.name === name);
    /** @type {Record<string, number|undefined>} */
    const target = {
      ArrowLeft: start - step, ArrowDown: start - step, ArrowRight: start + step, ArrowUp: start + step,
      PageDown: start - 10 * minute, PageUp: start + 10 * minute, Home: lane?.spans[0]?.from, End: lane?.spans.at(-1)?.from, Enter: start,
    };
    const t = target[e.key];
    if (t === undefined) return;
    e.preventDefault();
    this.reports.pick(name, t);
  }

  #draw() {
    for (const lane of this.#lanes) this.#fill(lane);
    const step = this.to - this.from <= hour ? 10 * minute : this.to - this.from <= 6 * hour ? hour : 3 * hour;
    this.#ticks.replaceChildren(...ticks(this.from, this.to, step).map((t) => this.#tick(t)));
    this.time(this.#time);
  }

  /** @param {Lane} lane */
  #fill(lane) {
    const track = this.#tracks.get(lane.name);
    if (!track) return;
    track.setAttribute('aria-valuemin', String(Math.round(this.from / 1000)));
    track.setAttribute('aria-valuemax', String(Math.round(this.to / 1000)));
    const pieces = [
      ...lane.spans.map((s) => this.#piece('span' + (s.where === 'spool' ? ' spool' : ''), s.from, s.to, '')),
      ...lane.gaps.map((g) => this.#piece('gap', g.from, g.to, `nothing recorded${g.reason ? `: ${g.reason}` : ''}`)),
    ];
    if (this.to > Date.now()) pieces.push(this.#piece('future', Date.now(), this.to, ''));
    track.replaceChildren(...pieces.filter((p) => p !== null));
  }

  /** @param {string} kind @param {number} from @param {number} to @param {string} title */
  #piece(kind, from, to, title) {
    const a = Math.max(from, this.from), b = Math.min(to, this.to);
    if (b <= a) return null;
    const node = make('div', kind);
    node.style.left = this.#percent(a);
    node.style.width = `${((b - a) / (this.to - this.from) * 100).toFixed(4)}%`;
    if (title) node.title = title;
    return node;
  }

  /** @param {number} t */
  #tick(t) {
    const midnight = hourMinute(t) === '00:00';
    const words = midnight ? new Date(t).toLocaleDateString(undefined, {day: 'numeric', month: 'short'}) : hourMinute(t);
    const node = make('span', midnight ? 'tick day' : 'tick', words);
    node.style.left = this.#percent(t);
    return node;
  }

  /** @param {number} t */
  #percent(t) { return `${((t - this.from) / (this.to - this.from) * 100).toFixed(4)}%`; }
}

/** @param {HTMLElement} node @param {string} area of the grid */
function place(node, area) {
  node.style.gridArea = area;
  return node;
}
