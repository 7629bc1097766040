/** layouts.js – delays each layout until the first frame that shows it is on the screen. */

/** @typedef {import('./azulejo.js').Layout} Layout */

/** How long, in ms, a layout waits when frames have no RTP time, and when they have but do not come. */
const blind = 250, patience = 3000;

export class Layouts {
  /** @type {{layout: Layout, timer: ReturnType<typeof setTimeout>}[]} in the order of arrival */
  #waiting = [];
  /** @type {number|undefined} RTP time of the frame on the screen; undefined before the first one that has it */
  #rtp;

  /** @param {(layout: Layout) => void} emit */
  constructor(emit) { this.emit = emit; }

  /** @param {Layout} layout as the server sent it */
  put(layout) {
    const timer = setTimeout(() => this.#until((waiting) => waiting.layout === layout), this.#rtp === undefined ? blind : patience);
    this.#waiting.push({layout, timer});
    this.frame(this.#rtp); // its frame may have come first
  }

  /** A frame is on the screen. @param {number|undefined} rtp its RTP timestamp, where the browser knows it */
  frame(rtp) {
    if (rtp === undefined) return;
    this.#rtp = rtp;
    this.#until(({layout}) => (rtp - layout.rtp | 0) >= 0); // modulo 2^32
  }

  /** Drops the waiting layouts. */
  close() {
    for (const {timer} of this.#waiting.splice(0)) clearTimeout(timer);
  }

  /** Emits the newest layout that is due and drops those before it. @param {(waiting: {layout: Layout}) => boolean} due */
  #until(due) {
    const last = this.#waiting.findLastIndex(due);
    if (last < 0) return;
    const past = this.#waiting.splice(0, last + 1);
    for (const {timer} of past) clearTimeout(timer);
    this.emit(past[last].layout);
  }
}
