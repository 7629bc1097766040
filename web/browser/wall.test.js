/** The wall and the room come back by themselves when the server was killed and started again. */

import assert from 'node:assert/strict';
import test from 'node:test';
import {join, openChromium, watch} from './browsers.js';
import {moves} from './picture.js';
import {demo} from './server.js';

const whole = {x: 0, y: 0, w: 1280, h: 720};

/** What browsers write by themselves when a server is away. */
const away = /ERR_CONNECTION|WebSocket connection|Failed to load resource/;

test('a wall and a participant survive kill -9 of the server', {timeout: 120000}, async (t) => {
  const server = await demo(t, 4);
  const browser = await openChromium(t);
  const wall = await browser.newPage(), guest = await browser.newPage();
  for (const page of [wall, guest]) watch(t, page, away);
  await join(guest, `${server.url}/join/demo`, 'Ana');
  await guest.waitForSelector('#call[data-state=live]', {timeout: 20000});
  await wall.goto(`${server.url}/wall/demo`);
  await wall.waitForSelector('body[data-state=live]', {timeout: 20000});

  await server.stop('SIGKILL');
  await wall.waitForSelector('#truth:visible', {timeout: 20000});
  assert.equal(await wall.textContent('#title'), 'No picture');
  assert.match(await wall.textContent('#text') || '', /Last picture .*Trying again/);
  assert.equal(await wall.evaluate(() => document.body.classList.contains('stale')), true);
  await guest.waitForSelector('#veil:visible', {timeout: 20000});

  await server.start();
  const back = Date.now();
  for (const page of [wall, guest]) await page.waitForSelector('[data-state=live]', {timeout: 15000});
  t.diagnostic(`both back ${Date.now() - back} ms after the server`);
  await moves(wall, '#wall', whole);
  const names = (await server.get('/api/v1/rooms/demo')).participants.map((/** @type {any} */ p) => p.name);
  assert.equal(names.filter((/** @type {string} */ n) => n === 'Ana').length, 1);
});

/** Runs in the page: ms from the newest picture to the moment the wall says that it is not live. */
function standing() {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector('#wall'));
  let newest = performance.now();
  const seen = () => {
    newest = performance.now();
    video.requestVideoFrameCallback(seen);
  };
  video.requestVideoFrameCallback(seen);
  return new Promise((done) => {
    const truth = /** @type {HTMLElement} */ (document.querySelector('#truth'));
    new MutationObserver(() => done(performance.now() - newest)).observe(truth, {attributes: true, attributeFilter: ['hidden']});
  });
}

test('a wall notices a picture that stands still, and starts over', {timeout: 90000}, async (t) => {
  const server = await demo(t, 1);
  const browser = await openChromium(t);
  const wall = await browser.newPage();
  watch(t, wall, away);
  const opening = wall.waitForEvent('websocket');
  await wall.goto(`${server.url}/wall/demo`);
  await wall.waitForSelector('body[data-state=live]', {timeout: 20000});
  const stood = wall.evaluate(standing);
  // Right after a pong, twelve seconds are left until the silence of the server would show too.
  await (await opening).waitForEvent('framereceived', {predicate: ({payload}) => /"pong"/.test(String(payload)), timeout: 20000});
  server.signal('SIGSTOP');
  await wall.waitForSelector('#truth:visible', {timeout: 20000});
  const ms = await stood;
  assert.ok(ms > 3000 && ms < 12000, `noticed ${ms} ms after the newest picture, not about 5 s`);
  assert.match(await wall.textContent('#text') || '', /The picture stopped/);
  server.signal('SIGCONT');
  await wall.waitForSelector('body[data-state=live]', {timeout: 20000});
  await moves(wall, '#wall', whole);
});

test('a reload leaves no ghost', {timeout: 60000}, async (t) => {
  const server = await demo(t, 1);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  const ana = async () => (await server.get('/api/v1/rooms/demo')).participants.filter((/** @type {any} */ p) => p.name === 'Ana');
  await join(page, `${server.url}/join/demo`, 'Ana');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  assert.equal((await ana()).length, 1);
  await join(page, `${server.url}/join/demo`, 'Ana');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  assert.equal((await ana()).length, 1);
});

test('a click on the wall turns the sound on; audio=0 has none', {timeout: 60000}, async (t) => {
  const server = await demo(t, 1);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  const sound = () => page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector('#wall'));
    return [video.muted, /** @type {MediaStream} */ (video.srcObject).getAudioTracks().length];
  });
  await page.goto(`${server.url}/wall/demo`);
  await page.waitForSelector('body[data-state=live]', {timeout: 20000});
  assert.deepEqual(await sound(), [true, 1]);
  await page.click('#sense');
  assert.deepEqual(await sound(), [false, 1]);
  await page.goto(`${server.url}/wall/demo?audio=0`);
  await page.waitForSelector('body[data-state=live]', {timeout: 20000});
  assert.deepEqual(await sound(), [true, 0]);
});
