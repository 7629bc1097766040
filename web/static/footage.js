/**
 * footage.js – shows what is recorded and plays it from the selected time.
 * #t=TIME&stream=NAME opens at a time (RFC 3339 or Unix milliseconds).
 */

import {Player} from './player.js';
import {Timeline} from './timeline.js';
import {clock, day, hour, local, parse, zone} from './time.js';
import {api, byId, fillRoom, roomOfPage, setIcon} from './ui.js';

const room = roomOfPage();
const base = `/api/v1/footage/${encodeURIComponent(room)}`;
const video = byId('video', HTMLVideoElement);
const poster = byId('poster', HTMLElement);
const status = byId('board-status', HTMLElement);
const toggle = byId('toggle', HTMLButtonElement);
const when = byId('when', HTMLInputElement);
const zoom = byId('zoom', HTMLElement);

let length = hour;
/** whether the right edge of the timeline is the present */
let following = true;
/** @type {string[]} */
let streams = [];
/** @type {number} the time that was requested last */
let asked = NaN;
/** whether the field has a typed time that was not requested yet */
let typed = false;
let refreshing = new AbortController();

const timeline = new Timeline(byId('timeline', HTMLElement), {
  pick: (stream, t) => pick(stream, t),
  move: (from) => { following = false; look(from); },
  choose: (stream) => { timeline.choose(stream); if (!Number.isNaN(player.wall)) pick(stream, player.wall); },
});
const player = new Player(video, {
  time: shown,
  begun: (wall) => {
    poster.hidden = true;
    toggle.disabled = false;
    const late = wall - asked > 1000;
    status.textContent = late ? `Nothing was recorded at ${clock(asked)}; this begins at ${clock(wall)}.` : '';
    shown(wall);
  },
  ended: (t) => void goOn(t),
  trouble: (words) => { status.textContent = words; },
});

/** Plays a stream from a time and puts both into the address. @param {string} stream @param {number} t Unix ms */
function pick(stream, t) {
  asked = Math.round(t);
  typed = false;
  timeline.choose(stream);
  history.replaceState(null, '', `#${link(asked)}`);
  if (!(asked >= timeline.from && asked <= timeline.to)) { following = false; look(asked - length / 2); }
  shown(asked);
  if (video.readyState === 0) cover('Loading…', '', true);
  player.play(`${base}/${encodeURIComponent(stream)}/index.m3u8`, asked);
}

/** Nothing is recorded in the hour after t: plays from the start of the next footage, if there is any. @param {number} t */
async function goOn(t) {
  const to = Math.min(Date.now(), t + 30 * 24 * hour);
  const range = `from=${new Date(t).toISOString()}&to=${new Date(to).toISOString()}`;
  /** @type {{spans: {from: string}[]}} */
  const {spans} = t < to ? await api(`${base}/${encodeURIComponent(timeline.chosen)}?${range}`).catch(() => ({spans: []})) : {spans: []};
  const next = spans.map((s) => Date.parse(s.from)).find((from) => from > t + 1000);
  if (next === undefined) return cover('Nothing is recorded after this.', 'Pick another time below.', true);
  pick(timeline.chosen, next);
  asked = t;
}

/** @param {number} t */
function link(t) {
  return `t=${new Date(t).toISOString()}&stream=${encodeURIComponent(timeline.chosen)}`;
}

/** Shows the time of the frame. @param {number} t */
function shown(t) {
  byId('clock-day', HTMLElement).textContent = day(t);
  byId('clock-hour', HTMLElement).textContent = clock(t);
  byId('clock-zone', HTMLElement).textContent = zone(t);
  byId('clock', HTMLElement).dataset.ms = String(Math.round(t));
  timeline.time(t);
  if (!typed && document.activeElement !== when) when.value = local(t);
}

/** @param {string} title @param {string} text @param {boolean} over whether the video is visible behind it */
function cover(title, text, over) {
  poster.hidden = false;
  poster.classList.toggle('over', over);
  byId('poster-title', HTMLElement).textContent = title;
  byId('poster-text', HTMLElement).textContent = text;
}

/** Moves the timeline. @param {number} from Unix ms */
function look(from) {
  const latest = Date.now() + length / 20 - length;
  const start = following ? latest : Math.min(from, latest);
  timeline.view(start, start + length);
  const a = day(start), b = day(start + length);
  byId('board-title', HTMLElement).textContent = a === b ? a : `${a} – ${b}`;
  byId('when-zone', HTMLElement).textContent = `(${zone(start + length / 2)})`;
  refresh();
}

/** Fetches what is recorded in the visible range; drops the answer when the range has changed. */
async function refresh() {
  refreshing.abort();
  const mine = refreshing = new AbortController();
  const {from, to} = timeline;
  const range = `from=${new Date(from - length).toISOString()}&to=${new Date(to + length).toISOString()}`;
  try {
    const lanes = await Promise.all(streams.map(async (name) => lane(name, await api(`${base}/${encodeURIComponent(name)}?${range}`, mine.signal))));
    if (!mine.signal.aborted) timeline.show(lanes);
  } catch (err) {
    if (!mine.signal.aborted) status.textContent = /** @type {Error} */ (err).message;
  }
}

/** @param {string} name @param {{spans: any[], gaps: any[]}} answer */
function lane(name, {spans, gaps}) {
  const times = (/** @type {any} */ s) => ({...s, from: Date.parse(s.from), to: Date.parse(s.to)});
  return {name, spans: spans.map(times), gaps: gaps.map(times)};
}

/** @param {number} hours */
function setZoom(hours) {
  const middle = Number.isNaN(player.wall) ? (timeline.from + timeline.to) / 2 : player.wall;
  length = hours * hour;
  for (const b of zoom.querySelectorAll('button')) b.setAttribute('aria-pressed', String(Number(b.dataset.hours) === hours));
  look(middle - length / 2);
}

/** Reads time and stream from the address. */
function fromAddress() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const t = parse(hash.get('t') || '');
  const stream = streams.find((s) => s === hash.get('stream')) || timeline.chosen;
  if (!Number.isNaN(t)) pick(stream, t);
  return !Number.isNaN(t);
}

async function begin() {
  try {
    /** @type {{streams: {name: string, to?: string}[]}} */
    const answer = await api(base);
    streams = answer.streams.map((s) => s.name);
    if (!streams.length) { timeline.show([]); cover('Nothing is recorded here yet.', 'Footage appears as soon as this room is recorded.', false); return void setTimeout(begin, 5000); }
    timeline.choose(streams.includes('main') ? 'main' : streams[0]);
    timeline.show(streams.map((name) => ({name, spans: [], gaps: []})));
    const newest = Math.max(...answer.streams.map((s) => (s.to ? Date.parse(s.to) : Date.now())));
    if (newest < Date.now() - length) following = false;
    look(newest - length * 0.95);
    if (!fromAddress()) cover('Pick a time on the timeline.', 'Or type one, to the second.', false);
  } catch (err) {
    cover('The footage cannot be read.', `${/** @type {Error} */ (err).message} Trying again…`, false);
    setTimeout(begin, 5000);
  }
}

/** @param {number} by ms */
function jump(by) {
  if (!Number.isNaN(player.wall)) pick(timeline.chosen, player.wall + by);
}

byId('at', HTMLFormElement).addEventListener('submit', (e) => {
  e.preventDefault();
  const t = parse(when.value);
  if (!Number.isNaN(t) && timeline.chosen) pick(timeline.chosen, t);
  when.blur();
});
when.addEventListener('input', () => { typed = true; });
zoom.addEventListener('click', (e) => { if (e.target instanceof HTMLButtonElement) setZoom(Number(e.target.dataset.hours)); });
byId('earlier', HTMLButtonElement).addEventListener('click', () => { following = false; look(timeline.from - length / 2); });
byId('later', HTMLButtonElement).addEventListener('click', () => look(timeline.from + length / 2));
byId('now', HTMLButtonElement).addEventListener('click', () => { following = true; look(0); });
byId('back10', HTMLButtonElement).addEventListener('click', () => jump(-10000));
byId('on10', HTMLButtonElement).addEventListener('click', () => jump(10000));
byId('speed', HTMLSelectElement).addEventListener('change', (e) => {
  video.defaultPlaybackRate = video.playbackRate = Number(/** @type {HTMLSelectElement} */ (e.target).value);
});
byId('full', HTMLButtonElement).addEventListener('click', () => video.requestFullscreen?.().catch(() => {}));
byId('sound', HTMLButtonElement).addEventListener('click', (e) => {
  video.muted = !video.muted;
  /** @type {HTMLElement} */ (e.currentTarget).setAttribute('aria-pressed', String(!video.muted));
});
byId('copy', HTMLButtonElement).addEventListener('click', async (e) => {
  if (Number.isNaN(player.wall)) return;
  const words = /** @type {HTMLElement} */ (e.currentTarget).querySelector('span');
  history.replaceState(null, '', `#${link(player.wall)}`);
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  if (words) words.textContent = copied ? 'Copied' : 'In the address bar';
  setTimeout(() => { if (words) words.textContent = 'Copy link'; }, 2000);
});
video.addEventListener('waiting', () => { if (player.atEnd) status.textContent = 'Waiting for newer footage…'; });
video.addEventListener('playing', () => { if (status.textContent?.startsWith('Waiting')) status.textContent = ''; });
toggle.addEventListener('click', () => (video.paused ? video.play() : video.pause()));
for (const kind of ['play', 'pause', 'emptied']) {
  video.addEventListener(kind, () => {
    setIcon(toggle, video.paused ? 'play' : 'pause');
    toggle.setAttribute('aria-label', video.paused ? 'Play' : 'Pause');
  });
}
document.addEventListener('keydown', (e) => {
  if (e.key !== ' ' || (e.target instanceof Element && e.target.closest('button, input, select'))) return;
  e.preventDefault();
  toggle.click();
});
addEventListener('hashchange', fromAddress);
setInterval(() => { if (streams.length && document.visibilityState === 'visible' && timeline.to > Date.now()) look(timeline.from); }, 5000);

document.title = `Footage of ${room}`;
fillRoom(room);
begin();
