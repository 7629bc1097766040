/** meter.js – the rates of a connection. */

/** @typedef {import('./azulejo.js').Stats} Stats */
/** @typedef {import('./azulejo.js').Flow} Flow */

/** Turns cumulative WebRTC statistics into rates. */
export class Meter {
  #frames = -1;
  #moved = performance.now();
  #bytes = -1;
  #heard = performance.now();
  #at = 0;
  /** @type {Map<string, {bytes: number, at: number}>} */
  #last = new Map();

  /** @returns {number} ms since the last new frame; it restarts after the tab slept */
  stalled() { return performance.now() - this.#moved; }

  /** @returns {number} ms since anything arrived, also audio; it restarts after the tab slept */
  silent() { return performance.now() - this.#heard; }

  /** @param {RTCStatsReport} report @returns {Stats} */
  read(report) {
    let bytes = 0;
    /** @type {Stats} */
    const stats = {down: null, up: null, frames: 0, lost: 0, roundTrip: null};
    report.forEach((s) => {
      if (s.type === 'inbound-rtp') bytes += s.bytesReceived || 0;
      if (s.type === 'inbound-rtp' && s.kind === 'video') {
        stats.down = this.#flow(report, s, s.bytesReceived);
        stats.frames = s.framesDecoded || 0;
        stats.lost = s.packetsLost || 0;
      }
      if (s.type === 'outbound-rtp' && s.kind === 'video') stats.up = this.#flow(report, s, s.bytesSent);
      if (s.type === 'candidate-pair' && s.nominated && s.currentRoundTripTime !== undefined) stats.roundTrip = s.currentRoundTripTime * 1000;
    });
    this.#watch(stats.frames, bytes);
    return stats;
  }

  /** @param {number} frames @param {number} bytes */
  #watch(frames, bytes) {
    const now = performance.now();
    const slept = now - this.#at > 4000;
    if (frames !== this.#frames || slept) this.#moved = now;
    if (bytes !== this.#bytes || slept) this.#heard = now;
    this.#frames = frames;
    this.#bytes = bytes;
    this.#at = now;
  }

  /** @param {RTCStatsReport} report @param {any} s @param {number} bytes @returns {Flow} */
  #flow(report, s, bytes) {
    const before = this.#last.get(s.id);
    this.#last.set(s.id, {bytes, at: s.timestamp});
    const bitrate = before && s.timestamp > before.at ? 8000 * (bytes - before.bytes) / (s.timestamp - before.at) : 0;
    const codec = report.get(s.codecId)?.mimeType?.replace('video/', '') || '';
    return {codec, width: s.frameWidth || 0, height: s.frameHeight || 0, fps: s.framesPerSecond || 0, bitrate: Math.max(0, bitrate)};
  }
}
