/** ui.js – what the pages share: elements, addresses, words for numbers. */

/**
 * The element of an id; a page without it is a bug worth an exception.
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
 * The name that this page's token is bound to; '' where any will do. Only the server knows whether the token is good.
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

/** Lets the links of this page that lead to no room hand its token on. */
export function handOn() {
  for (const link of document.querySelectorAll('a[href^="/"]:not([data-door])')) link.setAttribute('href', withToken(link.getAttribute('href') || '/'));
}

/** Puts the room's name and addresses where the page asks for them. @param {string} room */
export function fillRoom(room) {
  handOn();
  for (const node of document.querySelectorAll('[data-room]')) node.textContent = room;
  for (const node of document.querySelectorAll('[data-door]')) node.setAttribute('href', address(node.getAttribute('data-door') || '', room));
}

/** What the server answered instead of what was asked for; the message is for people. */
export class Refusal extends Error {
  /** @param {number} status of HTTP @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads JSON from the API; throws an Error in words a person can read, a Refusal where the server said no.
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
