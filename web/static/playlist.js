/**
 * playlist.js – converts times to positions in an HLS playlist and back. A playlist has no gaps, so positions and
 * times advance together only inside a fragment.
 */

/** @typedef {{start: number, duration: number, wall: number}} Fragment start and duration in seconds of playing, wall in Unix ms */

/**
 * Reads the fragments of a media playlist (RFC 8216). A fragment without a date of its own
 * follows the one before it.
 * @param {string} text
 * @returns {Fragment[]}
 */
export function parsePlaylist(text) {
  /** @type {Fragment[]} */
  const list = [];
  let start = 0, duration = 0, wall = NaN;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#EXTINF:')) duration = parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) wall = Date.parse(line.slice(25));
    else if (line && !line.startsWith('#')) {
      list.push({start, duration, wall});
      start += duration;
      wall += duration * 1000;
    }
  }
  return list;
}

/**
 * The playing position of a wall-clock time; inside a gap, that of the next frame.
 * @param {Fragment[]} list
 * @param {number} t Unix ms
 * @returns {{position: number, wall: number}|null} wall is t, or the end of the gap; null after the end
 */
export function locate(list, t) {
  for (const f of list) {
    if (t >= f.wall + f.duration * 1000) continue;
    const inside = Math.max(0, t - f.wall);
    return {position: f.start + inside / 1000, wall: f.wall + inside};
  }
  return null;
}

/**
 * The wall-clock time of a playing position.
 * @param {Fragment[]} list
 * @param {number} position seconds
 * @returns {number} Unix ms, NaN when the list is empty
 */
export function wallAt(list, position) {
  if (!list.length) return NaN;
  let at = list[0];
  for (const f of list) if (f.start <= position + 1e-6) at = f;
  return at.wall + Math.min(Math.max(0, position - at.start), at.duration) * 1000;
}

/** The end of the newest fragment, Unix ms. @param {Fragment[]} list */
export function endOf(list) {
  const last = list[list.length - 1];
  return last ? last.wall + last.duration * 1000 : NaN;
}
