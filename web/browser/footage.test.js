/**
 * The picture that /footage shows is that of the time picked: a page publishes its own clock as
 * black and white bars, the room is recorded, and the bars are read off the player.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import {openChromium, watch} from './browsers.js';
import {serve, until} from './server.js';

/** Runs in a page before its scripts: readBars tells which time near the given one a video shows, Unix ms. */
function learnToRead() {
  const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), {width: 64, height: 4}).getContext('2d', {willReadFrequently: true}));
  /** @type {any} */ (window).readBars = (/** @type {HTMLVideoElement} */ video, /** @type {number} */ near) => {
    context.drawImage(video, 0, 0, 64, 4);
    const {data} = context.getImageData(0, 0, 64, 4);
    let tenths = 0;
    for (let bit = 0; bit < 16; bit++) if (data[4 * (2 * 64 + bit * 4 + 2)] > 128) tenths |= 1 << bit;
    for (let shift = 8; shift; shift >>= 1) tenths ^= tenths >> shift;
    const base = Math.floor(near / 100 / 65536) * 65536;
    return [base - 65536, base, base + 65536].map((b) => (b + tenths) * 100).sort((a, b) => Math.abs(a - near) - Math.abs(b - near))[0];
  };
}

/**
 * Runs in the page: publishes the time, in tenths of a second, as sixteen bars of Gray code, and
 * keeps in window.way the longest that it took them to come back in the mix, ms.
 */
async function publishClock() {
  const {Client} = await import(/** @type {any} */ ('/static/azulejo.js'));
  const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  setInterval(() => {
    const tenths = Math.floor(Date.now() / 100) % 65536;
    const gray = tenths ^ (tenths >> 1);
    for (let bit = 0; bit < 16; bit++) {
      context.fillStyle = gray >> bit & 1 ? '#fff' : '#000';
      context.fillRect(bit * 40, 0, 40, 360);
    }
  }, 40);
  const [video] = canvas.captureStream(25).getVideoTracks();
  const client = new Client({room: 'clock', name: 'clock', publish: {video}, listen: false});
  const mix = Object.assign(document.createElement('video'), {muted: true, autoplay: true});
  client.on('stream', (/** @type {MediaStream} */ stream) => { mix.srcObject = stream; }); // another after a reconnect
  client.open();
  document.body.prepend(canvas, mix); // what is not on the page need not be drawn, and then nothing is captured
  const page = /** @type {any} */ (window);
  page.way = 0;
  const look = () => {
    const now = Date.now(), way = now - page.readBars(mix, now);
    if (way < 5000) page.way = Math.max(page.way, way); // else a placeholder, which has no bars
    mix.requestVideoFrameCallback(look);
  };
  mix.requestVideoFrameCallback(look);
}

/**
 * Runs in the page: from the first picture after a time picked, for a while, the time that the
 * bars of each picture say and the time that the page says, Unix ms. A busy machine gets longer.
 * @param {{picked: number, ms: number}} what
 */
async function readClocks({picked, ms}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector('#video'));
  /** @type {{bars: number, page: number}[]} */
  const seen = [];
  const pageTime = () => Number(document.getElementById('clock')?.dataset.ms);
  await new Promise((done) => {
    let until = Infinity;
    const next = () => {
      const playing = !video.seeking && !video.paused && pageTime() !== picked;
      if (playing && until === Infinity) until = performance.now() + ms;
      if (performance.now() > (seen.length < 5 ? until + 8000 : until)) return done(undefined);
      if (playing) seen.push({page: pageTime(), bars: /** @type {any} */ (window).readBars(video, pageTime())});
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  });
  return seen;
}

/**
 * Playing goes on from a time picked, and each picture is of the time the page says, but for the
 * way through the mixer: a second and a bit, or what a busy machine took for it when it recorded.
 * @param {any} page @param {number} picked @param {number} way the longest there and back, ms
 */
async function playsFrom(page, picked, way) {
  /** @type {{bars: number, page: number}[]} */
  const seen = await page.evaluate(readClocks, {picked, ms: 1500});
  assert.ok(seen.length >= 5, `${seen.length} pictures of playing`);
  const first = seen[0].page - picked;
  assert.ok(first > -100 && first < 1500, `the first picture is of ${first} ms after the time picked`);
  for (const {bars, page: says} of seen) {
    const delay = says - bars;
    assert.ok(delay > -150 && delay < Math.max(1400, way + 500), `the way through the mixer is ${way} ms, the page says ${new Date(says).toISOString()}, the picture is of ${new Date(bars).toISOString()}`);
  }
  assert.ok(seen[seen.length - 1].bars > seen[0].bars + 500, 'the picture does not move on');
}

/**
 * Loads the publisher until its own clock comes back in the mix: Chromium now and then captures nothing from
 * the canvas of a page it has just loaded.
 * @param {import('node:test').TestContext} t @param {any} page @param {string} url
 */
async function startClock(t, page, url) {
  for (let turn = 1; ; turn++) {
    await page.goto(url);
    await page.evaluate(publishClock);
    try {
      return await until('the publisher sees its clock in the mix', 20000, () => page.evaluate(() => /** @type {any} */ (window).way > 0));
    } catch (err) {
      if (turn === 3) throw err;
      t.diagnostic(`turn ${turn}: ${err}`);
    }
  }
}

test('footage plays from the very time picked', {timeout: 180000}, async (t) => {
  // A camera in the corner moves with every picture: a picture like the last would not be recorded, and the one
  // that is on at the time picked would have begun long before. The page's clock has all of the width.
  const main = {layout: 'custom', fill: true, tiles: [{x: 0, y: 0, w: 0.1, h: 0.1}, {x: 0, y: 0.1, w: 1, h: 0.9}]};
  const cameras = [{name: 'corner', url: 'test:?w=128&h=72&fps=25', audio: false}];
  const server = await serve(t, {mix: {labels: false}, rooms: {clock: {cameras, views: {main}, record: ['main']}}});
  const browser = await openChromium(t);
  const publisher = await browser.newPage();
  watch(t, publisher);
  await publisher.addInitScript(learnToRead);
  await startClock(t, publisher, `${server.url}/wall/nobody`);
  const started = Date.now();

  const span = await until('twenty seconds of footage', 60000, async () => {
    const {spans} = await server.get(`/api/v1/footage/clock/main?from=${started}`);
    const last = spans.at(-1);
    return last && Date.parse(last.to) - started > 20000 && last;
  });
  assert.ok(span.segments > 0);

  const way = await publisher.evaluate(() => /** @type {any} */ (window).way);
  t.diagnostic(`the way through the mixer is ${way} ms`);
  const page = await browser.newPage();
  watch(t, page);
  await page.addInitScript(learnToRead);
  const at = (/** @type {number} */ seconds) => started + seconds * 1000;

  await t.test('by a link', async () => {
    await page.goto(`${server.url}/footage/clock#t=${new Date(at(6.3)).toISOString()}`);
    await playsFrom(page, at(6.3), way);
  });
  await t.test('by a link inside what is loaded', async () => {
    await page.evaluate((ms) => new Promise((done) => {
      addEventListener('hashchange', done, {once: true});
      location.hash = `t=${ms}`;
    }), at(14.8));
    await playsFrom(page, at(14.8), way);
  });
  await t.test('by typing', async () => {
    const t = Math.floor(at(10) / 1000) * 1000;
    const typed = await page.evaluate((ms) => {
      const d = new Date(ms - new Date(ms).getTimezoneOffset() * 60000);
      return d.toISOString().slice(0, 19);
    }, t);
    await page.fill('#when', typed);
    await page.hover('#at button');
    await page.mouse.down(); // the button takes the focus, and pictures go on
    await page.waitForTimeout(300);
    await page.mouse.up();
    await playsFrom(page, t, way);
  });
  await t.test('by a click on the timeline', async () => {
    await page.waitForSelector('.lane .span');
    const lane = page.locator('.lane').first();
    const target = await lane.evaluate((node, ms) => {
      const [from, to] = ['aria-valuemin', 'aria-valuemax'].map((a) => Number(node.getAttribute(a)) * 1000);
      return (ms - from) / (to - from) * node.getBoundingClientRect().width;
    }, at(8));
    await lane.click({position: {x: target, y: 10}});
    const picked = await page.evaluate(() => Date.parse(new URLSearchParams(location.hash.slice(1)).get('t') || ''));
    assert.ok(Math.abs(picked - at(8)) < 6000, 'a pixel is a few seconds');
    await playsFrom(page, picked, way);
  });
  await t.test('by the arrow keys', async () => {
    const before = await page.evaluate(() => Number(document.getElementById('clock')?.dataset.ms));
    await page.locator('.lane').first().press('ArrowLeft');
    const picked = await page.evaluate(() => Date.parse(new URLSearchParams(location.hash.slice(1)).get('t') || ''));
    assert.ok(before - picked > 7000 && before - picked < 11000, `ten seconds back went ${before - picked} ms`);
  });
  await t.test('before all footage it begins with the first picture and says so', async () => {
    await page.evaluate((ms) => { location.hash = `t=${ms}`; }, started - 600000);
    await page.waitForFunction(() => /Nothing was recorded at/.test(document.getElementById('board-status')?.textContent || ''), undefined, {timeout: 15000});
  });
});
