/**
 * A browser with a camera of one known colour joins through /join beside a pion client; it, a
 * wall and Firefox must see the same mixed picture.
 */

import assert from 'node:assert/strict';
import {join as path} from 'node:path';
import test from 'node:test';
import {join, openChromium, openFirefox, watch} from './browsers.js';
import {moves, patch} from './picture.js';
import {ffmpeg, scratch, serve, settles, until} from './server.js';

/** Of the browser's camera; the pion client's test picture does not have it. */
const green = [20, 170, 60];

/** @param {number[]} rgb */
const hex = (rgb) => rgb.map((n) => n.toString(16).padStart(2, '0')).join('');

/** A room with a pion client in it, and a camera file. @param {import('node:test').TestContext} t */
async function begin(t) {
  const dir = scratch(t);
  const camera = path(dir, 'camera.y4m'), clip = path(dir, 'clip.mp4');
  ffmpeg('-f', 'lavfi', '-i', `color=0x${hex(green)}:s=640x360:r=15:d=2`, '-pix_fmt', 'yuv420p', camera);
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=15:d=8', '-c:v', 'libx264', '-profile:v', 'baseline', '-bf', '0', '-g', '30', '-pix_fmt', 'yuv420p', clip);
  const server = await serve(t, {mix: {labels: false}});
  server.companion(t, 'yard', clip);
  await until('the pion client is there', 15000, async () => (await server.get('/api/v1/rooms/yard')).participants.some((/** @type {any} */ p) => p.state === 'live'));
  return {server, camera};
}

/**
 * The page's picture moves, has the size of the mix, its own tile in one half and the pion
 * client's, alive, in the other.
 * @param {any} page @param {string} selector @param {number[]} rgb
 */
async function seesBoth(page, selector, rgb) {
  const own = await until('its own colour in a tile', 20000, async () => {
    const found = await page.evaluate(patch, {selector, rgb});
    return found && found.share > 0.9 && found.w > 560 && found.h > 320 && found;
  });
  assert.ok(own.w <= 656 && own.h <= 368, `the colour fills ${own.w}x${own.h}, more than a tile of 640x360`);
  const other = {x: own.x > 320 ? 0 : 640, y: 180, w: 640, h: 360};
  const {width, height} = await moves(page, selector, other);
  assert.deepEqual([width, height], [1280, 720]);
}

test('Chromium joins and sees itself beside a pion client, and so does a wall', {timeout: 120000}, async (t) => {
  const {server, camera} = await begin(t);
  const browser = await openChromium(t, {camera});
  const page = await browser.newPage();
  watch(t, page);
  await join(page, `${server.url}/join/yard`, 'Ana');
  await seesBoth(page, '#stage', green);

  await settles('the numbers and the list', 10000, async () => {
    assert.match(await page.textContent('#numbers') || '', /H\.264 1280×720 · \d+\sfps · .*b\/s/);
    assert.deepEqual(await page.locator('#here .who').allTextContents(), ['load 1', 'Ana']);
    assert.equal(await page.locator('#here li', {hasText: 'Ana'}).locator('.you').count(), 1);
  });

  const wall = await browser.newPage();
  watch(t, wall);
  await wall.goto(`${server.url}/wall/yard?audio=0`);
  await seesBoth(wall, '#wall', green);
  assert.equal(await wall.locator('#truth').isVisible(), false);

  await t.test('camera off makes a placeholder, camera on brings the picture back', async () => {
    await page.click('#cam');
    await until('the colour is gone', 10000, async () => !((await page.evaluate(patch, {selector: '#stage', rgb: green}))?.share > 0.9));
    await settles('the room knows', 5000, async () => {
      assert.equal((await server.get('/api/v1/rooms/yard')).participants.find((/** @type {any} */ p) => p.name === 'Ana').muted.video, true);
    });
    await page.click('#cam');
    await seesBoth(page, '#stage', green);
  });

  await t.test('leaving empties the place', async () => {
    await page.click('#leave');
    await page.waitForSelector('#again:visible');
    await until('Ana is gone', 5000, async () => (await server.get('/api/v1/rooms/yard')).participants.length === 1);
  });
});

test('Firefox joins over VP8 and sees itself beside a pion client', {timeout: 120000}, async (t) => {
  const {server} = await begin(t);
  const browser = await openFirefox(t);
  const page = await browser.newPage();
  watch(t, page);
  // Firefox's own fake camera changes colour all the time: a canvas of one colour takes its place.
  await page.evaluateOnNewDocument((rgb) => {
    const devices = navigator.mediaDevices;
    if (!devices) return; // about:blank
    const real = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
      if (!wanted?.video) return real(wanted);
      const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      const paint = () => { context.fillStyle = `rgb(${rgb})`; context.fillRect(0, 0, 640, 360); };
      paint();
      setInterval(paint, 66);
      return canvas.captureStream(15);
    };
  }, green);
  await join(page, `${server.url}/join/yard`, 'Bea');
  await seesBoth(page, '#stage', green);
  await settles('the numbers', 10000, async () => assert.match(await page.$eval('#numbers', (n) => n.textContent || ''), /VP8 1280×720/));

  const wall = await browser.newPage();
  watch(t, wall);
  await wall.goto(`${server.url}/wall/yard?audio=0`);
  await seesBoth(wall, '#wall', green);
});

test('a refused camera is explained, and joining without one works', {timeout: 60000}, async (t) => {
  const server = await serve(t, {});
  const browser = await openChromium(t, {deny: true});
  const page = await browser.newPage();
  watch(t, page);
  await page.goto(`${server.url}/join/yard`);
  await page.waitForSelector('#trouble:visible');
  assert.match(await page.textContent('#trouble') || '', /does not let this page use the camera/);
  await page.fill('#name', 'Rui');
  await page.click('#join');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  await settles('the room knows', 5000, async () => {
    const [rui] = (await server.get('/api/v1/rooms/yard')).participants;
    assert.deepEqual([rui.name, rui.muted], ['Rui', {audio: true, video: true}]);
  });
});

/** Runs in the page before its scripts: lets devices open only when asked to. */
function holdDevices() {
  const held = /** @type {any} */ (window).held = {on: false, tracks: /** @type {MediaStreamTrack[]} */ ([]), gates: /** @type {Function[]} */ ([])};
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    held.tracks.push(...stream.getTracks());
    if (held.on) await new Promise((done) => held.gates.push(done));
    return stream;
  };
}

test('no device stays on that nobody wants any more', {timeout: 60000}, async (t) => {
  const server = await serve(t, {});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  await page.addInitScript(holdDevices);
  /** How many devices wait to open, and how many cameras are on. */
  const waiting = (/** @type {number} */ n) => page.waitForFunction((n) => /** @type {any} */ (window).held.gates.length === n, n);
  const cameras = () => page.evaluate(() => /** @type {any} */ (window).held.tracks.filter((/** @type {any} */ t) => t.kind === 'video' && t.readyState === 'live').length);
  const hold = (/** @type {boolean} */ on) => page.evaluate((on) => {
    const {held} = /** @type {any} */ (window);
    held.on = on;
    if (!on) for (const open of held.gates.splice(0)) open();
  }, on);

  await page.goto(`${server.url}/join/yard`);
  await page.waitForFunction(() => document.querySelector('#camera option') && document.querySelector('#microphone option'));
  await hold(true);
  for (const n of [1, 2]) {
    await page.locator('#camera').dispatchEvent('change');
    await waiting(n);
  }
  await hold(false);
  await until('one camera is on', 5000, async () => await cameras() === 1);
  await settles('the mirror shows it', 5000, async () => {
    assert.equal(await page.evaluate(() => /** @type {any} */ (document.querySelector('#mirror')).srcObject.getVideoTracks()[0].readyState), 'live');
  });

  await page.fill('#name', 'Rui');
  await page.click('#join');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  await page.click('#cam');
  await until('the camera is off', 5000, async () => await cameras() === 0);
  await hold(true);
  await page.click('#cam:enabled');
  await waiting(1);
  await page.click('#leave');
  await page.waitForSelector('#again:visible');
  await hold(false);
  await until('the camera is off again', 5000, async () => await cameras() === 0);
});

test('a full room says so', {timeout: 60000}, async (t) => {
  const server = await serve(t, {limits: {participants: 1}});
  const browser = await openChromium(t);
  const first = await browser.newPage(), second = await browser.newPage();
  for (const page of [first, second]) watch(t, page);
  await join(first, `${server.url}/join/yard`, 'Ana');
  await first.waitForSelector('#call[data-state=live]', {timeout: 20000});
  await join(second, `${server.url}/join/yard`, 'Bea');
  await second.waitForSelector('#again:visible');
  assert.match(await second.textContent('#gone-text') || '', /1/);
  assert.equal(await second.textContent('#gone-title'), 'You are not in the room.');
});
