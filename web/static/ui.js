/** ui.js – functions of all pages: elements, addresses, formats of numbers. */

/**
 * The element with an id; throws when the page has none.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is not there`);
  return found;
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {...(Node|string)} children
 */
export function make(tag, className = '', ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** @param {string} name a symbol of icons.svg */
export function icon(name) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(ns, 'use');
  use.setAttribute('href', `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Shows another symbol in a button. @param {HTMLElement} button @param {string} name */
export function setIcon(button, name) {
  button.querySelector('use')?.setAttribute('href', `/static/icons.svg#${name}`);
}

/** The room in this page's address. */
export function roomOfPage() {
  return decodeURIComponent(location.pathname.split('/')[2] || '');
}

/** @param {string} door join, wall or footage @param {string} room */
export function address(door, room) {
  return withToken(`/${door}/${encodeURIComponent(room)}`);
}

/** @param {string} path of this server, without a query @returns {string} with this page's token, if it has one */
export function withToken(path) {
  const token = tokenOfPage();
  return token ? `${path}?token=${encodeURIComponent(token)}` : path;
}

/** The token this page was opened with, if any. */
export function tokenOfPage() {
  return new URLSearchParams(location.search).get('token') || '';
}

/**
 * The name that this page's token is bound to; '' when it may be any. Only the server knows whether the token is valid.
 * @returns {string}
 */
export function nameOfToken() {
  try {
    const claims = (tokenOfPage().split('.')[1] || '').replace(/-/g, '+').replace(/_/g, '/');
    const {name} = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims), (c) => c.charCodeAt(0))));
    return typeof name === 'string' ? name : '';
  } catch {
    return '';
  }
}

/** Adds the token to the links of this page that lead to no room. */
export function handOn() {
  for (const link of document.querySelectorAll('a[href^="/"]:not([data-door])')) link.setAttribute('href', withToken(link.getAttribute('href') || '/'));
}

/** Fills in the name and the addresses of the room. @param {string} room */
export function fillRoom(room) {
  handOn();
  for (const node of document.querySelectorAll('[data-room]')) node.textContent = room;
  for (const node of document.querySelectorAll('[data-door]')) node.setAttribute('href', address(node.getAttribute('data-door') || '', room));
}

/** An error that the server answered; the message is for users. */
export class Refusal extends Error {
  /** @param {number} status of HTTP @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads JSON from the API. Throws an Error with a text for users, or a Refusal when the server answered with an error.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function api(path, signal) {
  const token = tokenOfPage();
  const headers = token ? {Authorization: `Bearer ${token}`} : undefined;
  let res;
  try {
    res = await fetch(path, {headers, signal});
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Error('The server does not answer.');
  }
  if (res.ok) return res.json();
  const problem = await res.json().catch(() => null);
  throw new Refusal(res.status, problem?.detail || `The server answered ${res.status}.`);
}

/** @param {number} bits per second */
export function bitrate(bits) {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)}\u00a0Mb/s`;
  return `${Math.round(bits / 1e3)}\u00a0kb/s`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/** "H264 1280×720 · 25 fps · 1.9 Mb/s" @param {{codec: string, width: number, height: number, fps: number, bitrate: number}} f */
export function flow(f) {
  const codec = f.codec.toUpperCase().replace('H264', 'H.264');
  return `${codec} ${f.width}×${f.height} · ${Math.round(f.fps)}\u00a0fps · ${bitrate(f.bitrate)}`;
}

/** "the server does not answer" as a sentence. @param {string} words */
export function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}${/[.…!?]$/.test(words) ? '' : '.'}`;
}
