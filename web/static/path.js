/**
 * path.js – when a broken path of media is worth an ICE restart: new credentials and candidates for the connection
 * there is. It costs one round trip, where starting over costs the place on the screen. One try for each loss;
 * whoever has no success with it starts over.
 */

/** How long, in ms, the server has to answer a restart, and media to come after that. */
const patience = {answer: 2000, media: 4000};

export class Path {
  #tried = false;
  #deadline = 0;

  /** @param {() => void} restart sends an offer with new ICE credentials @param {() => number} [now] ms */
  constructor(restart, now = () => performance.now()) {
    this.restart = restart;
    this.now = now;
  }

  /** A restart was begun and may still help. */
  get trying() { return this.#tried && this.now() < this.#deadline; }

  /** A restart was begun and did not help. */
  get hopeless() { return this.#tried && !this.trying; }

  /** Nothing comes any more. */
  lost() {
    if (!this.#tried) this.#begin();
  }

  /** The network is another one: what was tried before says nothing. */
  changed() {
    if (!this.trying) this.#begin();
  }

  /** The server answered the restart. */
  answered() {
    if (this.trying) this.#deadline = this.now() + patience.media;
  }

  /** Media come again. */
  found() { this.#tried = false; }

  #begin() {
    this.#tried = true;
    this.#deadline = this.now() + patience.answer;
    this.restart();
  }
}
