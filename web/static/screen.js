/** screen.js – shares a screen: it is a second participant with a tile of its own. */

import {Client} from './azulejo.js';
import {sentence} from './ui.js';

/** Text needs a higher bitrate. */
const maxBitrate = 2500000;
const longestName = 128;

export class ScreenShare {
  /** @type {Client|null} */
  #client = null;
  /** @type {MediaStreamTrack|null} */
  #track = null;
  /** @type {{room: string, name: string, token?: string}|null} the participant that may share; null: none */
  #owner = null;

  /** @param {HTMLButtonElement} button @param {(words: string) => void} trouble */
  constructor(button, trouble) {
    this.button = button;
    this.trouble = trouble;
    button.addEventListener('click', () => this.#track ? this.stop() : this.#start());
  }

  /** Shows the button when the browser can share a screen; phones cannot. @param {{room: string, name: string, token?: string}} owner */
  offer(owner) {
    this.#owner = owner;
    this.button.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.#draw();
  }

  stop() {
    const track = this.#track, client = this.#client;
    this.#track = this.#client = null;
    track?.stop();
    client?.close();
    this.#draw();
  }

  async #start() {
    const owner = this.#owner;
    this.button.disabled = true;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({video: {frameRate: {ideal: 15, max: 25}}, audio: false});
      const [track] = stream.getVideoTracks();
      if (this.#owner !== owner || this.button.closest('[hidden]')) return track.stop(); // left meanwhile
      this.#share(track);
    } catch (err) {
      if (!(err instanceof Error && err.name === 'NotAllowedError')) this.trouble(`The screen cannot be shared: ${err instanceof Error ? err.message : err}`);
    } finally {
      this.button.disabled = false;
      this.#draw();
    }
  }

  /** @param {MediaStreamTrack} track */
  #share(track) {
    const {room, name, token} = /** @type {{room: string, name: string, token?: string}} */ (this.#owner);
    const suffix = ' (screen)';
    track.contentHint = 'detail'; // sharp rather than smooth
    this.#track = track;
    track.addEventListener('ended', () => { if (this.#track === track) this.stop(); });
    const client = this.#client = new Client({
      room, token, name: [...name].slice(0, longestName - suffix.length).join('') + suffix,
      publish: {video: track}, screen: true, watch: false, listen: false, maxBitrate,
    });
    client.on('state', ({state, reason}) => {
      if (state !== 'closed' || this.#client !== client) return;
      this.stop();
      if (reason) this.trouble(sentence(reason));
    });
    client.open();
  }

  #draw() {
    const on = Boolean(this.#track);
    this.button.setAttribute('aria-pressed', String(on));
    const words = this.button.querySelector('span');
    if (words) words.textContent = on ? 'Stop sharing' : 'Share screen';
  }
}
