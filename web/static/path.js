/**
 * path.js – decides when a failed media path gets an ICE restart: new credentials and candidates for the same
 * connection. A restart costs one round trip; a reconnect interrupts the video. There is one restart for each
 * loss; when it does not help, the client reconnects.
 */

/** How long, in ms, a restart waits for the answer of the server, and then for media. */
const patience = {answer: 2000, media: 4000};

export class Path {
  #tried = false;
  #deadline = 0;

  /** @param {() => void} restart sends an offer with new ICE credentials @param {() => number} [now] ms */
  constructor(restart, now = () => performance.now()) {
    this.restart = restart;
    this.now = now;
  }

  /** A restart is running. */
  get trying() { return this.#tried && this.now() < this.#deadline; }

  /** A restart did not help. */
  get hopeless() { return this.#tried && !this.trying; }

  /** No media arrive. */
  lost() {
    if (!this.#tried) this.#begin();
  }

  /** The network has changed: a restart may help again. */
  changed() {
    if (!this.trying) this.#begin();
  }

  /** The server has answered the restart. */
  answered() {
    if (this.trying) this.#deadline = this.now() + patience.media;
  }

  /** Media arrive again. */
  found() { this.#tried = false; }

  #begin() {
    this.#tried = true;
    this.#deadline = this.now() + patience.answer;
    this.restart();
  }
}
