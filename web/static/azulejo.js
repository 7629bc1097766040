/**
 * azulejo.js – a client of an azulejo room, for pages of this host: its server accepts no others by default.
 *
 *     import {Client} from '/static/azulejo.js';
 *     const client = new Client({room: 'yard', name: 'hall display'});
 *     client.on('stream', (stream) => { video.srcObject = stream; });
 *     client.open();
 *
 * One WebSocket carries JSON (/ws), one RTCPeerConnection carries media: one offer, one answer,
 * never a renegotiation, because the downstream is one mixed stream with any number of participants.
 * When the ICE connection fails or the network changes, the client restarts ICE in the same connection. When that does
 * not help, or anything else fails, it reconnects with the same key and so gets its participant back.
 * H.264 is preferred; browsers without it use VP8. No dependencies.
 */

import {Session} from './session.js';

/** @typedef {'idle'|'connecting'|'live'|'waiting'|'closed'} State live: video arrives */
/** @typedef {{state: State, reason: string, attempt: number, retryIn: number}} StateChange retryIn in ms */
/** @typedef {{audio: boolean, video: boolean}} Media */
/** @typedef {{id: string, name: string, kind?: string, publish?: Media, muted?: Media, reason?: string, detail?: string, since?: string, audioReason?: string, audioDetail?: string}} Participant */
/** @typedef {{id: string, name: string, x: number, y: number, w: number, h: number, state: string, reason?: string, age: number, speaking: boolean}} Tile */
/** @typedef {{view: string, rtp: number, canvas: {w: number, h: number}, tiles: Tile[], hidden?: number, page?: number, pages?: number}} Layout view is '' for a personal one */
/** @typedef {{codec: string, width: number, height: number, fps: number, bitrate: number}} Flow bitrate in bit/s */
/** @typedef {{down: Flow|null, up: Flow|null, frames: number, lost: number, roundTrip: number|null}} Stats roundTrip in ms */
/** @typedef {{code: string, message: string}} ServerError */

/**
 * @typedef {object} Selection which video; PROTOCOL.md says how the fields combine
 * @property {string} [view] a named view
 * @property {string} [spotlight] id or name of the participant that is shown large
 * @property {string|string[]} [exclude] ids or names that are not shown
 * @property {string|object} [layout] 'grid', 'spotlight', 'pip', 'speaker', 'focus', or a whole view
 * @property {number} [page] of participants, where there are more than the capacity of the view, from 1 on
 * @property {string} [rung] size: 'auto', '720p', '360p', '180p' or another rung of the server's configuration
 */

/**
 * @typedef {object} Options
 * @property {string} room
 * @property {string} [name] shown on the tile
 * @property {string} [url] WebSocket address; the server this module came from when absent
 * @property {string} [key] secret of this participant; random when absent
 * @property {string} [token] where the server needs one
 * @property {{audio?: MediaStreamTrack|null, video?: MediaStreamTrack|null}} [publish]
 *   the tracks that are sent; null prepares for a track that comes later, an absent kind is never sent
 * @property {boolean} [screen] the video that is sent is a shared screen
 * @property {boolean} [listen] receive audio (default true)
 * @property {boolean} [watch] receive video (default true)
 * @property {Selection} [select] which video
 * @property {boolean} [persistent] retry also after a refusal of the server
 * @property {number} [stallAfter] ms without a new frame before it reconnects (default 5000, 0: never)
 * @property {number} [maxBitrate] upstream video, bit/s (default 1500000)
 */

/**
 * @typedef {object} Events
 * @property {StateChange} state
 * @property {{id: string}} joined the id of this participant
 * @property {MediaStream} stream the mixed stream, when its first frame arrives
 * @property {Participant[]} participants
 * @property {Layout} layout what the video shows now; in step with the element given to follow()
 * @property {{w: number, h: number}} tile the largest tile that shows this participant; the client adapts what it sends
 * @property {{level: number}} overload how far the server is degraded, 0 to 4
 * @property {{codec: string, w: number, h: number, fps: number, bitrate: number}} rendition
 * @property {ServerError} error of the server
 * @property {Stats} stats once a second
 */

const longestWait = 5000;
/** @type {(EventTarget & {type?: string})|undefined} not in every browser */
const network = /** @type {any} */ (navigator).connection;

/** @returns {string} 128 random bits; crypto.randomUUID is missing on plain-HTTP pages */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** A participant or viewer of a room, which reconnects until close(). */
export class Client {
  /** @type {Options & {key: string, stallAfter: number}} */
  #options;
  /** @type {Map<string, Set<(value: any) => void>>} */
  #listeners = new Map();
  /** @type {Session|null} */
  #session = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #attempt = 0;
  /** shared with the session, which sends it again after a reconnect */
  #mute = {audio: false, video: false};
  /** @type {State} */
  #state = 'idle';
  /** @type {string|undefined} the kind of network, where the browser knows it */
  #network;
  /** @type {HTMLVideoElement|null} layouts wait for its frames */
  #video = null;

  /** @param {Options} options */
  constructor(options) {
    this.#options = {stallAfter: 5000, ...options, key: options.key || newKey()};
  }

  get state() { return this.#state; }
  get key() { return this.#options.key; }

  /**
   * Calls fn with each event of a kind; returns a function that stops it.
   * @template {keyof Events} K
   * @param {K} kind
   * @param {(value: Events[K]) => void} fn
   */
  on(kind, fn) {
    const set = this.#listeners.get(kind) || new Set();
    this.#listeners.set(kind, set.add(fn));
    return () => set.delete(fn);
  }

  /** Connects, also again after close(). */
  open() {
    if (this.#state !== 'idle' && this.#state !== 'closed') return;
    for (const [target, kind] of wakers()) target.addEventListener(kind, this.#wake);
    network?.addEventListener('change', this.#moved);
    this.#network = network?.type;
    this.#attempt = 0;
    this.#connect();
  }

  /** Leaves the room. It does not stop the tracks of the caller. */
  close(reason = '') {
    clearTimeout(this.#timer);
    for (const [target, kind] of wakers()) target.removeEventListener(kind, this.#wake);
    network?.removeEventListener('change', this.#moved);
    this.#session?.end(true);
    this.#session = null;
    this.#video = null;
    this.#change('closed', reason);
  }

  /**
   * Sends another track (another camera, or one that is on again) without renegotiation; null sends none.
   * @param {'audio'|'video'} kind
   * @param {MediaStreamTrack|null} track
   */
  async setTrack(kind, track) {
    const publish = this.#options.publish;
    if (!publish || publish[kind] === undefined) throw new Error(`this place does not publish ${kind}`);
    publish[kind] = track;
    await this.#session?.setTrack(kind, track);
  }

  /** Sends which media are off, so that the tile shows it. @param {{audio?: boolean, video?: boolean}} what */
  mute(what) {
    Object.assign(this.#mute, what);
    this.#session?.send({type: 'mute', ...this.#mute});
  }

  /**
   * Selects another video. The selection replaces the last one; one with only a rung keeps the rest.
   * @param {Selection} selection
   */
  view(selection) {
    const before = this.#options.select || {};
    const {rung = before.rung, ...picture} = selection;
    const kept = Object.values(picture).some((v) => v !== undefined) ? {view: before.view, ...dropAbsent(picture)} : before;
    this.#options.select = {...kept, rung};
    this.#session?.send({type: 'view', ...selection});
  }

  /**
   * Keeps layout events in step with the frames of an element that plays the stream.
   * @param {HTMLVideoElement} video
   */
  follow(video) {
    if (this.#video === video || !video.requestVideoFrameCallback) return;
    this.#video = video;
    const seen = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ frame) => {
      if (this.#video !== video) return;
      this.#session?.frame(frame.rtpTimestamp);
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  }

  /** Checks the connection at once, for example after the machine slept. */
  check() {
    if (this.#state === 'waiting') this.#connect();
    else this.#session?.probe();
  }

  #wake = () => {
    if (document.visibilityState === 'visible') this.check();
  };

  /** The event comes also when only the speed changes: just another kind of network counts. */
  #moved = () => {
    if (network?.type === this.#network) return;
    this.#network = network?.type;
    if (this.#state === 'live') this.#session?.moved();
    else this.check();
  };

  #connect() {
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#change('connecting', '');
    /** @type {Session} */
    const session = new Session(this.#options, this.#mute, {
      emit: (kind, value) => { if (this.#session === session) this.#emit(kind, value); },
      live: () => { if (this.#session === session) { this.#attempt = 0; this.#change('live', ''); } },
      lost: (reason, final, pause) => { if (this.#session === session) this.#lost(reason, final, pause); },
    });
    this.#session = session;
    session.start();
  }

  /** @param {string} reason @param {boolean} final @param {number} pause ms */
  #lost(reason, final, pause) {
    this.#session = null;
    if (final) return this.close(reason);
    const wait = Math.max(pause, Math.min(longestWait, 500 * 2 ** Math.min(this.#attempt - 1, 6)) * (0.8 + 0.2 * Math.random()));
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#change('waiting', reason, wait);
  }

  /** @param {State} state @param {string} reason */
  #change(state, reason, retryIn = 0) {
    this.#state = state;
    this.#emit('state', {state, reason, attempt: this.#attempt, retryIn});
  }

  /** @template {keyof Events} K @param {K} kind @param {Events[K]} value */
  #emit(kind, value) {
    for (const fn of this.#listeners.get(kind) || []) fn(value);
  }
}

/** @param {Selection} selection @returns {Selection} */
function dropAbsent(selection) {
  return Object.fromEntries(Object.entries(selection).filter(([, value]) => value !== undefined));
}

/** @returns {[EventTarget, string][]} the events after which a tab or network is back */
function wakers() {
  return [[document, 'visibilitychange'], [window, 'pageshow'], [window, 'online']];
}
