/** home.js – the front page: the open rooms and links into them. */

import {Refusal, address, api, bitrate, byId, count, handOn, make, sentence} from './ui.js';

/** @typedef {{view: string, codec: string, w?: number, h?: number, fps: number, bitrate: number, sinks: number}} Rendition audio has no w and h */
/**
 * @typedef {object} Room
 * @property {string} room its name
 * @property {number} viewers
 * @property {{name: string, kind: string, state: string}[]} participants
 * @property {Rendition[]} renditions
 * @property {{stream: string, error?: string}[]} recordings
 */

const list = byId('rooms', HTMLElement);
const empty = byId('empty', HTMLElement);
const status = byId('status', HTMLElement);
const ns = 'http://www.w3.org/2000/svg';

byId('go', HTMLFormElement).addEventListener('submit', (e) => {
  e.preventDefault();
  const door = e.submitter instanceof HTMLButtonElement ? e.submitter.value : 'join';
  location.assign(address(door, byId('room', HTMLInputElement).value.trim()));
});

/** @type {Map<string, {card: HTMLElement, seen: string}>} */
const cards = new Map();

/** Redraws only what changed, so that focus and hover stay. @param {Room[]} rooms */
function show(rooms) {
  const names = new Set(rooms.map((r) => r.room));
  for (const [name, {card}] of cards) if (!names.has(name)) { card.remove(); cards.delete(name); }
  for (const room of rooms) {
    const known = cards.get(room.room);
    const seen = JSON.stringify(room);
    if (known?.seen === seen) continue;
    const card = known?.card || newCard(room.room);
    card.querySelector('.glyph')?.replaceWith(glyph(room));
    card.querySelector('.facts')?.replaceWith(facts(room));
    cards.set(room.room, {card, seen});
  }
  const order = rooms.map((r) => /** @type {HTMLElement} */ (cards.get(r.room)?.card));
  if (order.some((card, i) => list.children[i] !== card)) list.append(...order);
  empty.hidden = rooms.length > 0;
}

/** @param {string} name */
function newCard(name) {
  const doors = make('nav', 'room-doors');
  doors.setAttribute('aria-label', name);
  for (const [door, label] of [['join', 'Join'], ['wall', 'Wall'], ['footage', 'Footage']]) {
    const a = make('a', '', label);
    a.setAttribute('href', address(door, name));
    doors.append(a);
  }
  const top = make('div', 'room-top', make('span', 'glyph'), make('div', '', make('h3', '', name), make('p', 'facts')));
  return make('li', 'panel room', top, doors);
}

/** @param {Room} room */
function facts(room) {
  const p = make('p', 'facts number');
  const watching = room.viewers ? `, ${room.viewers} watching` : '';
  p.append(make('b', '', count(room.participants.length, 'tile')), watching, make('br'));
  const best = room.renditions.filter((r) => r.h).sort((a, b) => (b.h || 0) - (a.h || 0) || b.sinks - a.sinks)[0];
  p.append(best ? `${best.h}p · ${Math.round(best.fps)}\u00a0fps · ${bitrate(best.bitrate)}` : 'nobody receives it now');
  p.append(make('br'), recording(room));
  return p;
}

/** @param {Room} room */
function recording(room) {
  if (!room.recordings.length) return make('span', '', 'not recorded');
  const broken = room.recordings.some((r) => r.error);
  return make('span', broken ? 'soft' : 'kept', make('i', `dot ${broken ? 'bad' : 'wait'}`), broken ? 'recording in trouble' : 'recording');
}

/** A small picture of the wall: one tile for each participant, pale while it has no video. @param {Room} room */
function glyph(room) {
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('class', 'glyph');
  svg.setAttribute('viewBox', '0 0 160 90');
  svg.setAttribute('aria-hidden', 'true');
  const n = room.participants.length;
  const cols = Math.ceil(Math.sqrt(n));
  const rows = Math.ceil(n / cols);
  const w = 160 / cols, h = 90 / cols, top = (90 - rows * h) / 2;
  room.participants.forEach((p, i) => {
    const row = Math.floor(i / cols);
    const inRow = row === rows - 1 ? n - row * cols : cols;
    const x = (160 - inRow * w) / 2 + (i % cols) * w, y = top + row * h;
    svg.append(rect(x + 1, y + 1, w - 2, h - 2, p.state === 'live' ? '--paint' : '--line'), petals(x + w / 2, y + h / 2, h * 0.3));
  });
  return svg;
}

/** @param {number} x @param {number} y @param {number} w @param {number} h @param {string} color */
function rect(x, y, w, h, color) {
  const r = document.createElementNS(ns, 'rect');
  for (const [k, v] of Object.entries({x, y, width: w, height: h, rx: 1.5, fill: `var(${color})`})) r.setAttribute(k, String(v));
  return r;
}

/** @param {number} x @param {number} y @param {number} r */
function petals(x, y, r) {
  const path = document.createElementNS(ns, 'path');
  const half = 'M0 0C-.3-.3-.3-.7 0-1C.3-.7.3-.3 0 0ZM0 0C.3.3.3.7 0 1C-.3.7-.3.3 0 0Z';
  const turned = 'M0 0C.3-.3.7-.3 1 0C.7.3.3.3 0 0ZM0 0C-.3.3-.7.3-1 0C-.7-.3-.3-.3 0 0Z';
  path.setAttribute('d', half + turned);
  path.setAttribute('transform', `translate(${x} ${y}) scale(${r})`);
  path.setAttribute('fill', '#fffdf7');
  path.setAttribute('opacity', '.85');
  return path;
}

async function refresh() {
  try {
    const {rooms} = await api('/api/v1/rooms');
    show(rooms);
    status.textContent = '';
  } catch (err) {
    if (err instanceof Refusal && err.status === 403) return void closed();
    status.textContent = `${sentence(/** @type {Error} */ (err).message)} Trying again…`;
  }
  setTimeout(refresh, document.visibilityState === 'visible' ? 2000 : 10000);
}

/** The token of this page allows no list, so it is not requested again. */
function closed() {
  byId('rooms-title', HTMLElement).textContent = 'Your room';
  status.textContent = 'Your token does not show which rooms are open. Enter the name of yours above.';
}

handOn();
refresh();
