/** server.js – the real azulejo, started for one test: free ports, a folder of its own, and a clean end. */

import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const binary = process.env.AZULEJO_BIN || fileURLToPath(new URL('../../bin/azulejo', import.meta.url));

/**
 * Repeats ask until it has an answer. Tests wait by it: they never only sleep.
 * @template T
 * @param {string} what for the error
 * @param {number} ms
 * @param {() => Promise<T>|T} ask anything but undefined, null and false is an answer
 * @returns {Promise<T>}
 */
export async function until(what, ms, ask) {
  const deadline = Date.now() + ms;
  let last;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
    } catch (err) {
      last = err;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what}: not within ${ms} ms${last ? ` (${last})` : ''}`);
}

/**
 * Repeats assertions until all of them hold. Facts that arrive on different paths, such as a picture, a message and the
 * answer of the REST API, do not become true at the same time.
 * @param {string} what for the error
 * @param {number} ms
 * @param {() => Promise<void>} check throws while something does not hold
 */
export async function settles(what, ms, check) {
  await until(what, ms, async () => {
    await check();
    return true;
  });
}

/** @type {WeakMap<object, (() => unknown)[]>} */
const endings = new WeakMap();

/**
 * Runs fn at the end of the test, in the opposite order of the calls: browsers, then servers, then folders.
 * @param {import('node:test').TestContext} t
 * @param {() => unknown} fn
 */
export function defer(t, fn) {
  const list = endings.get(t) || [];
  endings.set(t, list);
  if (list.push(fn) > 1) return;
  t.after(async () => {
    /** @type {unknown[]} */
    const errors = [];
    for (const end of list.reverse()) await Promise.resolve().then(end).catch((err) => errors.push(err));
    if (errors.length) throw errors[0];
  });
}

/** A folder that is removed after the test. @param {import('node:test').TestContext} t */
export function scratch(t) {
  const dir = mkdtempSync(join(tmpdir(), 'azulejo-web-'));
  defer(t, () => rmSync(dir, {recursive: true, force: true}));
  return dir;
}

/** @returns {Promise<number>} */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const {port} = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Runs ffmpeg; an error has its output. @param {...string} args */
export function ffmpeg(...args) {
  const run = spawnSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], {encoding: 'utf8'});
  if (run.status !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${run.error || run.stderr}`);
}

/** A token, made by the command. @param {string} secret @param {...string} args of azulejo token */
export function mint(secret, ...args) {
  const run = spawnSync(binary, ['token', ...args], {encoding: 'utf8', env: {...process.env, AZULEJO_AUTH_SECRET: secret}});
  if (run.status !== 0) throw new Error(`azulejo token ${args.join(' ')}: ${run.error || run.stderr}`);
  return run.stdout.trim();
}

export class Server {
  /** @type {import('node:child_process').ChildProcess|null} */
  #child = null;
  #said = '';

  /** @param {string[]} args of azulejo @param {number} port */
  constructor(args, port) {
    this.args = args;
    this.port = port;
    this.url = `http://localhost:${port}`;
  }

  /** Returns when the server is ready. */
  async start() {
    if (!existsSync(binary)) throw new Error(`${binary}: no such file; run scripts/build first, or set AZULEJO_BIN`);
    const env = {...process.env, AZULEJO_WEBRTC_UDP: ':0', AZULEJO_WEBRTC_TCP: ':0'};
    const child = this.#child = spawn(binary, this.args, {stdio: ['ignore', 'pipe', 'pipe'], env});
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => { this.#said += data; });
    await until(`azulejo ${this.args.join(' ')}`, 20000, async () => {
      if (child.exitCode !== null) throw new Error(`it ended:\n${this.#said}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    });
    return this;
  }

  /** @param {NodeJS.Signals} signal */
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT');
    await gone;
  }

  /** SIGSTOP freezes the server with all its connections open, SIGCONT wakes it. @param {NodeJS.Signals} name */
  signal(name) { this.#child?.kill(name); }

  /** @param {string} path @returns {Promise<any>} */
  async get(path) {
    const res = await fetch(this.url + path);
    if (!res.ok) throw new Error(`${path}: ${res.status} ${await res.text()}`);
    return res.json();
  }

  /** A pion client that publishes a file into a room until the test ends. @param {import('node:test').TestContext} t @param {string} room @param {string} file */
  companion(t, room, file) {
    const child = spawn(binary, ['load', 'publish', file, '--url', `ws://127.0.0.1:${this.port}/ws`, '--room', room, '--seconds', '600'], {stdio: 'ignore'});
    defer(t, async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
  }
}

/** azulejo demo. @param {import('node:test').TestContext} t @param {number} cameras */
export async function demo(t, cameras) {
  const port = await freePort();
  const server = new Server(['demo', '--cameras', String(cameras), '--listen', `127.0.0.1:${port}`, '--data', join(scratch(t), 'data')], port);
  defer(t, () => server.stop());
  return server.start();
}

/** azulejo serve with a configuration. @param {import('node:test').TestContext} t @param {object} config */
export async function serve(t, config) {
  const port = await freePort();
  const dir = scratch(t);
  const file = join(dir, 'azulejo.yaml');
  writeFileSync(file, JSON.stringify({listen: `127.0.0.1:${port}`, data: join(dir, 'data'), ...config})); // JSON is YAML
  const server = new Server(['serve', '-c', file], port);
  defer(t, () => server.stop());
  return server.start();
}
