/** time.js – formats and parses wall-clock times. Times are Unix milliseconds, shown in local time. */

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

/** @param {number} n */
const two = (n) => String(n).padStart(2, '0');

/** "03:12:04" @param {number} t */
export function clock(t) {
  const d = new Date(t);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** "03:12" @param {number} t */
export function hourMinute(t) {
  return clock(t).slice(0, 5);
}

/** "Sun 1 March 2026" in the reader's language @param {number} t */
export function day(t) {
  return new Date(t).toLocaleDateString(undefined, {weekday: 'short', day: 'numeric', month: 'long', year: 'numeric'});
}

/** "UTC+01:00": the offset in force at that time, which daylight saving changes. @param {number} t */
export function zone(t) {
  const east = -new Date(t).getTimezoneOffset();
  const size = Math.abs(east);
  return `UTC${east < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** The format of an input of type datetime-local: "2026-03-01T03:12:04". @param {number} t */
export function local(t) {
  const d = new Date(t);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${clock(t)}`;
}

/** Reads RFC 3339, Unix milliseconds or local time; NaN if it is none. @param {string} text */
export function parse(text) {
  if (/^\d{11,}$/.test(text)) return Number(text);
  return /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
}

/**
 * Round times of the clock on the wall, a step apart, between two times.
 * @param {number} from
 * @param {number} to
 * @param {number} step a divisor of an hour, or whole hours
 */
export function ticks(from, to, step) {
  const d = new Date(from);
  d.setSeconds(0, 0);
  if (step < hour) d.setMinutes(Math.floor(d.getMinutes() / (step / minute)) * (step / minute));
  else d.setHours(Math.floor(d.getHours() / (step / hour)) * (step / hour), 0);
  /** @type {number[]} */
  const list = [];
  while (d.getTime() < to) {
    if (d.getTime() >= from) list.push(d.getTime());
    // In local time: a day of 23 or 25 hours keeps its round hours.
    if (step < hour) d.setTime(d.getTime() + step);
    else d.setHours(d.getHours() + step / hour);
  }
  return list;
}
