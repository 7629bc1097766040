/**
 * player.js – plays recorded footage from a wall-clock time. A window of an hour is one playlist;
 * at its end the next one follows. hls.js where there is MediaSource, the browser's own HLS elsewhere.
 */

import Hls from './vendor/hls.light.min.mjs';
import {endOf, locate, parsePlaylist, wallAt} from './playlist.js';
import {hour, second} from './time.js';
import {tokenOfPage} from './ui.js';

/** @typedef {import('./playlist.js').Fragment} Fragment */

/**
 * @typedef {object} Reports
 * @property {(wall: number) => void} time the time of the visible frame, with every frame
 * @property {(wall: number) => void} begun playback starts, at the requested time or at the end of a gap
 * @property {(wall: number) => void} ended nothing is recorded in the hour after this time
 * @property {(words: string) => void} trouble
 */

/** The playlist starts this much before the requested time, so that it has the segment of that time after any rounding. */
const lead = 10 * second;

export class Player {
  /** @type {Hls|null} */
  #hls = null;
  /** @type {() => Fragment[]} */
  #fragments = () => [];
  /** counts windows; the answers for an older one are dropped */
  #turn = 0;
  #playlist = '';
  #pending = NaN;
  /** performance.now() of the last seek; frames from before it have another time */
  #sought = 0;

  /** @param {HTMLVideoElement} video @param {Reports} reports */
  constructor(video, reports) {
    this.video = video;
    this.reports = reports;
    video.addEventListener('ended', () => this.#next());
    this.#watch();
  }

  /** The time of the frame on the screen, or of the next one; NaN when there is none. */
  get wall() {
    return Number.isNaN(this.#pending) ? wallAt(this.#fragments(), this.video.currentTime) : this.#pending;
  }

  /** Whether the frame is the newest of the window. */
  get atEnd() { return endOf(this.#fragments()) - this.wall < second; }

  /**
   * Plays from a time. It only seeks when that time is loaded.
   * @param {string} playlist address without a query
   * @param {number} t Unix ms
   */
  play(playlist, t) {
    const list = this.#fragments();
    const near = playlist === this.#playlist && list.length > 0 && t >= list[0].wall && locate(list, t);
    if (near && Number.isNaN(this.#pending)) return this.#begin(near.position, near.wall);
    this.#open(playlist, t);
  }

  stop() {
    this.#turn++;
    this.#hls?.destroy();
    this.#hls = null;
    this.#fragments = () => [];
    this.#pending = NaN;
    this.video.removeAttribute('src');
    this.video.load();
  }

  /** @param {string} playlist @param {number} t */
  #open(playlist, t) {
    this.stop();
    this.#playlist = playlist;
    this.#pending = t;
    const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();
    const url = `${playlist}?from=${iso(t - lead)}&to=${iso(t + hour)}`;
    const turn = this.#turn;
    if (Hls.isSupported()) this.#openHls(url, t, turn);
    else this.#openNative(url, t, turn).catch((err) => { if (turn === this.#turn) this.reports.trouble(err.message); });
  }

  /** @param {string} url @param {number} t @param {number} turn */
  #openHls(url, t, turn) {
    const token = tokenOfPage();
    const hls = this.#hls = new Hls({
      autoStartLoad: false,
      enableWorker: false,
      maxBufferLength: 30,
      backBufferLength: 120,
      xhrSetup: (xhr) => { if (token) xhr.setRequestHeader('Authorization', `Bearer ${token}`); },
    });
    /** @type {import('hls.js').LevelDetails|null} */
    let details = null;
    let arrived = false;
    this.#fragments = () => (details?.fragments || []).map((f) => ({start: f.start, duration: f.duration, wall: f.programDateTime ?? NaN}));
    hls.on(Hls.Events.LEVEL_LOADED, (_, data) => {
      details = data.details;
      if (turn !== this.#turn || arrived) return;
      arrived = true;
      this.#arrived(t, (position) => hls.startLoad(position));
    });
    hls.on(Hls.Events.LEVEL_UPDATED, (_, data) => { details = data.details; });
    hls.on(Hls.Events.ERROR, (_, data) => { if (turn === this.#turn && data.fatal) this.#failed(hls, data, t); });
    hls.attachMedia(this.video);
    hls.loadSource(url);
  }

  /** @param {string} url @param {number} t @param {number} turn */
  async #openNative(url, t, turn) {
    const token = tokenOfPage();
    const full = token ? `${url}&token=${encodeURIComponent(token)}` : url;
    const res = await fetch(full);
    if (res.status === 404) { this.stop(); return this.reports.ended(t); }
    if (!res.ok) throw new Error((await res.json().catch(() => null))?.detail || `The server answered ${res.status}.`);
    const list = parsePlaylist(await res.text());
    if (turn !== this.#turn) return;
    this.#fragments = () => list;
    this.video.src = full;
    this.#arrived(t, () => {});
  }

  /** The playlist of the window is loaded. @param {number} t @param {(position: number) => void} load */
  #arrived(t, load) {
    const at = locate(this.#fragments(), t);
    if (!at) { this.stop(); return this.reports.ended(t); }
    load(at.position);
    this.#begin(at.position, at.wall);
  }

  /** @param {number} position @param {number} wall */
  #begin(position, wall) {
    const turn = this.#turn;
    const {video} = this;
    const seek = () => {
      if (turn !== this.#turn) return;
      video.currentTime = position;
      this.#sought = performance.now();
      this.#pending = NaN;
      this.reports.begun(wall);
      video.play().catch(() => {}); // browsers may refuse to play without a click; the button shows the pause
    };
    if (video.readyState >= HTMLMediaElement.HAVE_METADATA) seek();
    else video.addEventListener('loadedmetadata', seek, {once: true});
  }

  #next() {
    const end = endOf(this.#fragments());
    if (!Number.isNaN(end)) this.#open(this.#playlist, end);
  }

  /** @param {Hls} hls @param {import('hls.js').ErrorData} data @param {number} t the requested time */
  #failed(hls, data, t) {
    const status = data.response?.code;
    if (status === 404 && !this.#fragments().length) { this.stop(); return this.reports.ended(t); }
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.video.error) hls.recoverMediaError();
    this.reports.trouble(status ? `The server answered ${status} for ${data.details}.` : `The footage does not play: ${data.details}.`);
  }

  #watch() {
    this.video.requestVideoFrameCallback((_, meta) => {
      this.#tell(meta);
      this.#watch();
    });
  }

  /** @param {VideoFrameCallbackMetadata} picture */
  #tell({mediaTime, presentationTime}) {
    if (this.video.seeking || presentationTime < this.#sought) return;
    const wall = wallAt(this.#fragments(), mediaTime);
    if (!Number.isNaN(wall) && Number.isNaN(this.#pending)) this.reports.time(wall);
  }
}
