/**
 * uplink.js – sends video no larger than the viewers need. The server sends the size of the largest tile; size and
 * bitrate of the encoder follow it.
 */

/** @typedef {{w: number, h: number}} Size */
/** @typedef {{scale: number, maxBitrate: number, maxFramerate?: number}} Fitting */

/** The scales in use: few, since each change costs a keyframe. */
const steps = [1, 1.5, 2, 3, 4, 6, 8];
/** What is sent without viewers: enough for an immediate start. */
const hidden = {lines: 90, bitrate: 40000, fps: 5};
const leastBitrate = 80000;
/** How long, in ms, a tile must be smaller before less is sent; for a larger one more is sent at once. */
const calm = 3000;

/**
 * The size and bitrate for a tile. The video covers the tile with any fit; a scale that is up to a tenth too small is
 * accepted.
 * @param {Size} source @param {Size|null} tile null: unknown @param {number} maxBitrate of 1280x720 and more
 * @returns {Fitting}
 */
export function fitting(source, tile, maxBitrate) {
  if (tile && !(tile.w && tile.h)) {
    return {scale: Math.max(1, source.h / hidden.lines), maxBitrate: hidden.bitrate, maxFramerate: hidden.fps};
  }
  const exact = tile ? Math.min(source.w / tile.w, source.h / tile.h) : 1;
  const scale = steps.findLast((step) => step <= exact * 1.1) || 1;
  const share = source.w * source.h / scale ** 2 / (1280 * 720);
  return {scale, maxBitrate: Math.round(Math.min(maxBitrate, Math.max(leastBitrate, maxBitrate * share ** 0.75)))};
}

export class Uplink {
  /** @type {Size|null} */
  #tile = null;
  /** @type {Fitting|null} the last one that was set */
  #now = null;
  /** @type {Promise<void>} runs one change after the other */
  #work = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {RTCRtpSender} sender of the video @param {number} maxBitrate bit/s */
  constructor(sender, maxBitrate) {
    this.sender = sender;
    this.maxBitrate = maxBitrate;
  }

  /** @param {Size} tile the largest that shows this video; 0 by 0: no viewer sees it */
  tile(tile) {
    this.#tile = tile;
    this.fit();
  }

  /** Adapts the encoder to the tile: after the answer, and after a change of the track. */
  fit() {
    clearTimeout(this.#timer);
    const next = this.#wanted();
    if (!next || this.#now && same(next, this.#now)) return;
    const less = this.#now && (next.scale > this.#now.scale || next.maxBitrate < this.#now.maxBitrate);
    this.#timer = setTimeout(() => this.#set(next), less ? calm : 0);
  }

  close() { clearTimeout(this.#timer); }

  /** @returns {Fitting|null} null while the camera is off */
  #wanted() {
    const {width, height} = this.sender.track?.getSettings() || {};
    return width && height ? fitting({w: width, h: height}, this.#tile, this.maxBitrate) : null;
  }

  /** @param {Fitting} next */
  #set(next) {
    this.#now = next;
    this.#work = this.#work.then(() => this.#apply(next)).catch(() => { this.#now = null; }); // the connection ends, or the next tile retries
  }

  /** @param {Fitting} next */
  async #apply({scale, maxBitrate, maxFramerate}) {
    const parameters = this.sender.getParameters();
    const [encoding] = parameters.encodings || [];
    if (!encoding) return;
    encoding.scaleResolutionDownBy = scale;
    encoding.maxBitrate = maxBitrate;
    if (maxFramerate) encoding.maxFramerate = maxFramerate;
    else delete encoding.maxFramerate;
    await this.sender.setParameters(parameters);
  }
}

/** @param {Fitting} a @param {Fitting} b */
function same(a, b) {
  return a.scale === b.scale && a.maxBitrate === b.maxBitrate && a.maxFramerate === b.maxFramerate;
}
