/**
 * session.js – one attempt of a Client: one WebSocket, one RTCPeerConnection, one offer, one
 * answer; another offer only for an ICE restart. A session ends at its first failure; only a failed media path is
 * restored.
 */

import {Layouts} from './layouts.js';
import {Meter} from './meter.js';
import {Path} from './path.js';
import {Uplink} from './uplink.js';

/** @typedef {import('./azulejo.js').Events} Events */
/** @typedef {import('./azulejo.js').Options & {key: string, stallAfter: number}} Options */
/** @typedef {import('./azulejo.js').Participant} Participant */
/** @typedef {import('./azulejo.js').ServerError} ServerError */

/** How long, in ms, the server may be silent; pings are sent well before that. */
const silence = 12000;
/** Server errors after which a reconnect can succeed. */
const passing = new Set(['closing', 'slow', 'ice_failed', 'internal', 'overloaded', 'too_many_requests']);
/** The shortest pause in ms after server errors that come again at once: more attempts would block other clients of the
 * same address. */
const pauses = new Map([['unauthorized', 60000], ['forbidden', 60000], ['too_many_requests', 10000]]);

/**
 * @typedef {object} Owner
 * @property {<K extends keyof Events>(kind: K, value: Events[K]) => void} emit
 * @property {() => void} live
 * @property {(reason: string, final: boolean, pause: number) => void} lost called once; no reconnect within pause ms
 */

export class Session {
  /** @type {WebSocket|null} */
  #ws = null;
  /** @type {RTCPeerConnection|null} */
  #pc = null;
  /** @type {Map<string, RTCRtpTransceiver>} */
  #lines = new Map();
  /** @type {RTCIceCandidateInit[]} came before the answer */
  #early = [];
  /** @type {MediaStreamTrack[]} of the downstream */
  #arriving = [];
  #meter = new Meter();
  #layouts = new Layouts((layout) => this.owner.emit('layout', layout));
  #path = new Path(() => this.#guard(this.#restart()));
  /** @type {Uplink|null} of the video that is sent */
  #uplink = null;
  #ended = false;
  #joined = false;
  #live = false;
  #heard = 0;
  #objection = '';
  #deadline = 0;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #pulse;

  /** @param {Options} options @param {{audio: boolean, video: boolean}} mute @param {Owner} owner */
  constructor(options, mute, owner) {
    this.options = options;
    this.mute = mute;
    this.owner = owner;
  }

  start() {
    this.#deadline = performance.now() + 10000;
    this.#pulse = setInterval(() => this.#tick(), 1000);
    const ws = this.#ws = new WebSocket(this.options.url || ownServer());
    ws.onopen = () => this.send(this.#joinMessage());
    ws.onmessage = (e) => this.#receive(e.data);
    ws.onclose = () => this.#fail(this.#objection || (this.#joined ? 'the connection to the server was lost' : 'the server does not answer'));
  }

  /** @param {object} message */
  send(message) {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message));
  }

  /** Sends a ping whose pong must come within 3 s. */
  probe() {
    if (!this.#joined) return;
    this.#heard = Math.min(this.#heard, performance.now() - silence + 3000);
    this.send({type: 'ping'});
  }

  /** The network has changed: ICE is restarted before media are missing. */
  moved() {
    if (this.#live) this.#path.changed();
    this.probe();
  }

  /** @param {'audio'|'video'} kind @param {MediaStreamTrack|null} track */
  async setTrack(kind, track) {
    await this.#lines.get(kind)?.sender.replaceTrack(track);
    if (kind === 'video') this.#uplink?.fit();
  }

  /** A frame is on the screen. @param {number|undefined} rtp its RTP timestamp */
  frame(rtp) { this.#layouts.frame(rtp); }

  /** @param {boolean} leave */
  end(leave) {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#pulse);
    this.#layouts.close();
    this.#uplink?.close();
    if (leave) this.send({type: 'leave'});
    if (this.#ws) this.#ws.onclose = this.#ws.onmessage = this.#ws.onopen = null;
    this.#ws?.close();
    this.#pc?.close();
  }

  #joinMessage() {
    const {room, name, key, token, publish, screen, select} = this.options;
    const sends = {audio: publish?.audio !== undefined, video: publish?.video !== undefined, screen};
    return {type: 'join', room, name, key, token, publish: sends, ...select};
  }

  /** @param {string} reason */
  #fail(reason, final = false, pause = 0) {
    if (this.#ended) return;
    this.end(false);
    this.owner.lost(reason, final, pause);
  }

  /** @param {string} text */
  #receive(text) {
    this.#heard = performance.now();
    const m = JSON.parse(text);
    switch (m.type) {
      case 'joined': return this.#guard(this.#enter(m));
      case 'answer': return this.#guard(this.#accept(m.sdp));
      case 'candidate': return this.#guard(this.#candidate(m));
      case 'participants': return this.owner.emit('participants', m.participants || []);
      case 'layout': return this.#layouts.put(m);
      case 'tile': return this.#tile(m);
      case 'overload': return this.owner.emit('overload', {level: m.level});
      case 'rendition': return this.owner.emit('rendition', m);
      case 'error': return this.#refused(m);
    }
  }

  /** @param {{w: number, h: number}} size */
  #tile({w, h}) {
    this.#uplink?.tile({w, h});
    this.owner.emit('tile', {w, h});
  }

  /** @param {ServerError} error */
  #refused(error) {
    this.owner.emit('error', {code: error.code, message: error.message});
    this.#objection = error.message;
    if (error.code === 'replaced') this.#fail(error.message, true);
    else if (error.code === 'second_offer') this.#fail(error.message); // the server accepts no restart: reconnect
    else if (!this.#joined || error.code === 'bad_sdp') {
      this.#fail(error.message, !this.options.persistent && !passing.has(error.code), pauses.get(error.code));
    }
  }

  /** @param {Promise<void>} work */
  #guard(work) {
    work.catch((err) => this.#fail(`${err.name}: ${err.message}`));
  }

  /** @param {{id: string, iceServers?: RTCIceServer[], participants?: Participant[]}} m */
  async #enter(m) {
    this.#joined = true;
    this.#deadline = performance.now() + 15000;
    this.owner.emit('joined', {id: m.id});
    this.owner.emit('participants', m.participants || []);
    const pc = this.#pc = new RTCPeerConnection({iceServers: m.iceServers || [], bundlePolicy: 'max-bundle'});
    pc.onicecandidate = (e) => { if (e.candidate?.candidate) this.send({type: 'candidate', ...e.candidate.toJSON()}); };
    pc.ontrack = (e) => this.#downstream(e);
    pc.onconnectionstatechange = () => this.#connection(pc.connectionState);
    this.#line('video', this.options.watch !== false);
    this.#line('audio', this.options.listen !== false);
    await pc.setLocalDescription(await pc.createOffer());
    this.send({type: 'offer', sdp: pc.localDescription?.sdp});
    if (this.mute.audio || this.mute.video) this.send({type: 'mute', ...this.mute});
  }

  /** @param {RTCPeerConnectionState} state */
  #connection(state) {
    if (state === 'connected') this.#path.found();
    if (state === 'connected' && this.options.watch === false) this.#begun();
    if (this.#live && (state === 'disconnected' || state === 'failed')) this.#path.lost();
    else if (state === 'failed') this.#fail('no way for media was found');
  }

  /** Sends an offer in which only the ICE credentials are new. */
  async #restart() {
    const pc = this.#pc;
    if (!pc || pc.signalingState !== 'stable') return;
    pc.restartIce();
    await pc.setLocalDescription(await pc.createOffer());
    this.send({type: 'offer', sdp: pc.localDescription?.sdp});
  }

  /** @param {'audio'|'video'} kind @param {boolean} receive */
  #line(kind, receive) {
    const track = this.options.publish?.[kind];
    const send = track !== undefined;
    if (!send && !receive) return;
    const direction = send ? (receive ? 'sendrecv' : 'sendonly') : 'recvonly';
    const line = /** @type {RTCPeerConnection} */ (this.#pc).addTransceiver(track || kind, {direction});
    this.#lines.set(kind, line);
    if (kind !== 'video') return;
    preferH264(line);
    if (send) this.#uplink = new Uplink(line.sender, this.options.maxBitrate || 1500000);
  }

  /** @param {string} sdp */
  async #accept(sdp) {
    const pc = /** @type {RTCPeerConnection} */ (this.#pc);
    await pc.setRemoteDescription({type: 'answer', sdp});
    for (const c of this.#early.splice(0)) await pc.addIceCandidate(c);
    this.#path.answered();
    this.#uplink?.fit();
  }

  /** @param {RTCIceCandidateInit & {candidate: any}} m */
  async #candidate(m) {
    const c = typeof m.candidate === 'object' ? m.candidate : {candidate: m.candidate, sdpMid: m.sdpMid, sdpMLineIndex: m.sdpMLineIndex};
    if (this.#pc?.remoteDescription) await this.#pc.addIceCandidate(c);
    else this.#early.push(c);
  }

  /** Emits the stream when its video flows, so that a page shows the last frame until then. @param {RTCTrackEvent} e */
  #downstream(e) {
    this.#arriving.push(e.track);
    if (e.track.kind !== 'video') return;
    if (e.track.muted) e.track.addEventListener('unmute', () => this.#begun(), {once: true});
    else this.#begun();
  }

  #begun() {
    if (this.#live || this.#ended) return;
    this.#live = true;
    this.#objection = '';
    if (this.#arriving.length) this.owner.emit('stream', new MediaStream(this.#arriving));
    this.owner.live();
  }

  #tick() {
    const now = performance.now();
    if (!this.#live && now > this.#deadline) return this.#fail(this.#objection || (this.#joined ? 'no picture arrives' : 'the server does not answer'));
    if (!this.#joined) return;
    if (now - this.#heard > silence) return this.#fail('the server went silent');
    if (now - this.#heard > silence / 3) this.send({type: 'ping'});
    if (this.#path.hopeless && this.#pc?.connectionState === 'failed') return this.#fail('the media connection was lost');
    if (this.#pc && this.#live) this.#guard(this.#measure(this.#pc));
  }

  /** @param {RTCPeerConnection} pc */
  async #measure(pc) {
    const stats = this.#meter.read(await pc.getStats());
    if (this.#ended) return;
    this.owner.emit('stats', stats);
    const {stallAfter, watch} = this.options;
    const watches = stallAfter && watch !== false;
    // The browser notices it later, or only after the video counts as stopped.
    if (watches && this.#meter.silent() > stallAfter / 2) this.#path.lost();
    else if (this.#path.hopeless && pc.connectionState === 'connected') this.#path.found(); // the path did not fail
    if (watches && !this.#path.trying && document.visibilityState === 'visible' && this.#meter.stalled() > stallAfter) this.#fail('the picture stopped');
  }
}

/** @returns {string} /ws of the server this module came from */
function ownServer() {
  const url = new URL('/ws', import.meta.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** Prefers H.264 (packetization-mode 1, constrained baseline first), then VP8, then the rest. @param {RTCRtpTransceiver} line */
function preferH264(line) {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  if (!codecs || !line.setCodecPreferences) return;
  line.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

/** @param {RTCRtpCodec} c */
function rank(c) {
  const kind = c.mimeType.toLowerCase();
  const line = c.sdpFmtpLine || '';
  if (kind === 'video/h264') return (line.includes('packetization-mode=1') ? 0 : 2) + (line.includes('profile-level-id=42e0') ? 0 : 1);
  return kind === 'video/vp8' ? 4 : 5;
}
