/** Which picture a viewer has is the viewer's own: views, spotlights by a tap, sizes, and layouts in step with it. */

import assert from 'node:assert/strict';
import {join as path} from 'node:path';
import test from 'node:test';
import {join, openChromium, openFirefox, watch} from './browsers.js';
import {agreement, motion, under} from './picture.js';
import {ffmpeg, scratch, serve, settles, until} from './server.js';

const red = [200, 40, 30], blue = [30, 60, 200], green = [20, 170, 60];

/** @param {number[]} rgb */
const hex = (rgb) => rgb.map((n) => n.toString(16).padStart(2, '0')).join('');

/** @param {number[]} a @param {number[]|null} b */
const near = (a, b) => Boolean(b) && a.every((n, i) => Math.abs(n - /** @type {number[]} */ (b)[i]) < 40);

/** A room of a red and a blue picture, in this order, or of others; their ids. @param {import('node:test').TestContext} t */
async function begin(t, config = {}, pictures = [red, blue]) {
  const dir = scratch(t);
  const server = await serve(t, {mix: {labels: false}, ...config});
  const people = async () => (await server.get('/api/v1/rooms/yard')).participants;
  for (const [i, rgb] of pictures.entries()) {
    const clip = path(dir, `${i}.mp4`);
    ffmpeg('-f', 'lavfi', '-i', `color=0x${hex(rgb)}:s=640x360:r=15:d=4,noise=alls=12:allf=t`, '-c:v', 'libx264', '-profile:v', 'baseline', '-bf', '0', '-g', '30', '-pix_fmt', 'yuv420p', clip);
    server.companion(t, 'yard', clip);
    await until(`publisher ${i} is there`, 20000, async () => (await people()).filter((/** @type {any} */ p) => p.state === 'live').length === i + 1);
  }
  const ids = (await people()).map((/** @type {any} */ p) => p.id);
  return {server, dir, people, colours: Object.fromEntries(pictures.map((rgb, i) => [ids[i], rgb])), ids};
}

/**
 * The tiles of a page lie where the pictures are.
 * @param {any} page @param {string} selector @param {Record<string, number[]>} colours by id @param {string[]} ids that have a tile @param {string} [large] the id of the one that is larger than all others
 */
async function agrees(page, selector, colours, ids, large) {
  return until(`tiles ${ids} of ${selector} lie on their pictures`, 25000, async () => {
    const tiles = await page.evaluate(under, {selector});
    const good = tiles.length === ids.length && tiles.every((/** @type {any} */ t) => ids.includes(t.id) && near(colours[t.id], t.rgb));
    const [first, second] = [...tiles].sort((a, b) => b.area - a.area);
    if (good && (!large || (first.id === large && first.area > second.area + 100))) return tiles;
    throw new Error(JSON.stringify(tiles));
  });
}

/** @param {import('./server.js').Server} server @param {string} name @param {object} view */
async function setView(server, name, view) {
  const res = await fetch(`${server.url}/api/v1/rooms/yard/views/${name}`, {
    method: 'PUT', headers: {'content-type': 'application/json'}, body: JSON.stringify(view),
  });
  assert.ok(res.ok, `${res.status} ${await res.text()}`);
}

/** @param {any} page @param {string} id */
const tap = (page, id) => page.locator(`.tile[data-id="${id}"]`).click();

test('Chromium: a tap puts a tile in the spotlight and back, keys do too, and layouts keep step', {timeout: 150000}, async (t) => {
  const {server, colours, ids} = await begin(t);
  const [a, b] = ids;
  const browser = await openChromium(t);
  const page = await browser.newPage({viewport: {width: 900, height: 900}}); // bars above and below the picture
  watch(t, page);
  await page.goto(`${server.url}/wall/yard`);
  await agrees(page, '#wall', colours, ids);

  await tap(page, b);
  await agrees(page, '#wall', colours, ids, b);
  await settles('the tile is pressed', 5000, async () => assert.equal(await page.locator(`.tile[data-id="${b}"]`).getAttribute('aria-pressed'), 'true'));
  await tap(page, b);
  const [left, right] = await until('both of one size again', 20000, async () => {
    const tiles = await agrees(page, '#wall', colours, ids);
    return Math.abs(tiles[0].area - tiles[1].area) < 100 && tiles;
  });
  assert.deepEqual([left.id, right.id], ids, 'the order of the named view');

  await page.keyboard.press('1');
  await agrees(page, '#wall', colours, ids, a);
  await page.keyboard.press('Escape');
  await until('both of one size', 20000, async () => {
    const tiles = await agrees(page, '#wall', colours, ids);
    return Math.abs(tiles[0].area - tiles[1].area) < 100;
  });

  await t.test('in step: hardly a picture is shown under the layout of another', async () => {
    const counting = page.evaluate(agreement, {selector: '#wall', colours, changes: 12});
    const counted = () => page.evaluate(() => /** @type {any} */ (window).agreement);
    /** @param {(now: {frames: number, changes: number}) => boolean} reached */
    const reach = (reached) => until('more pictures', 20000, async () => {
      const now = await counted();
      if (reached(now)) return now;
      throw new Error(JSON.stringify([now, await page.evaluate(() => document.body.dataset.state)]));
    });
    await until('counting', 5000, counted);
    for (let i = 0; i < 12; i++) {
      const before = await counted();
      await reach((now) => now.frames > before.frames + 4);
      await page.keyboard.press(i % 2 ? '2' : '1');
      await reach((now) => now.changes > before.changes);
    }
    const {frames, wrong} = await counting;
    t.diagnostic(`${wrong} of ${frames} pictures were not what the layout says`);
    assert.ok(wrong <= 3, `${wrong} of ${frames} pictures were not what the layout says, in 12 changes`);
  });
});

test('a wall shows what its address asks for, and says what it cannot', {timeout: 150000}, async (t) => {
  const {server, colours, ids} = await begin(t);
  const [a, b] = ids;
  await setView(server, 'blue', {exclude: [a]});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  const open = (/** @type {string} */ query) => page.goto(`${server.url}/wall/yard?${query}`);

  await open('view=blue&audio=0');
  await agrees(page, '#wall', colours, [b]);
  assert.equal(await page.locator('#sense').isVisible(), false, 'a wall without sound has no button for it');
  await open(`exclude=${b}&exclude=nobody`);
  await agrees(page, '#wall', colours, [a]);
  await open(`view=main&spotlight=${b}`);
  await agrees(page, '#wall', colours, ids, b);
  await tap(page, a);
  await agrees(page, '#wall', colours, ids, a);
  await page.keyboard.press('Escape');
  await agrees(page, '#wall', colours, ids, b);
  await open('spotlight=ghost');
  await page.waitForSelector('#note:visible', {timeout: 20000});
  assert.match(await page.textContent('#note') || '', /Nobody here is called “ghost”/);
  await open('rung=180p');
  await page.waitForFunction(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector('#wall'));
    return video.videoWidth === 320 && video.videoHeight === 180;
  }, null, {timeout: 25000});
  await agrees(page, '#wall', colours, ids);
  for (const [query, words] of [['view=attic', /attic.*accepted: blue, main/], ['rung=hd', /"hd".*such as 720p/]]) {
    await open(String(query));
    await page.waitForFunction(() => /asks for what is not there/.test(document.querySelector('#title')?.textContent || ''), null, {timeout: 20000});
    assert.match(await page.textContent('#text') || '', /** @type {RegExp} */ (words));
  }
});

test('a tap on the tile that says how many more there are turns the page', {timeout: 120000}, async (t) => {
  const {server, colours, ids} = await begin(t, {}, [red, blue, green]);
  await setView(server, 'few', {capacity: 2});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  const shows = (/** @type {string} */ id) => until(`${id} beside how many more`, 20000, async () => {
    const [first, more, ...others] = await page.evaluate(under, {selector: '#wall'});
    return first?.id === id && near(colours[id], first.rgb) && more?.id === '' && others.length === 0;
  });
  await page.goto(`${server.url}/wall/yard?view=few`);
  await shows(ids[0]);
  assert.equal(await page.locator('.tile[data-id=""]').getAttribute('aria-label'), '+2: next page');
  for (const id of [ids[1], ids[2], ids[0]]) {
    await tap(page, '');
    await shows(id);
  }
  await page.goto(`${server.url}/wall/yard?view=few&page=2`);
  await shows(ids[1]);
  await tap(page, '');
  await shows(ids[2]);
});

/** Runs in the page before its scripts: keeps its connections. */
function keepConnections() {
  const kept = /** @type {any} */ (window).connections = /** @type {RTCPeerConnection[]} */ ([]);
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    /** @param {RTCConfiguration} [c] */
    constructor(c) { super(c); kept.push(this); }
  };
}

/** Runs in the page: how wide the picture is that it sends now. */
async function sentWidth() {
  const report = await /** @type {any} */ (window).connections.at(-1).getStats();
  let width = 0;
  report.forEach((/** @type {any} */ s) => { if (s.type === 'outbound-rtp' && s.kind === 'video') width = s.frameWidth || 0; });
  return width;
}

test('a page sends no more than its tile needs, and all of it in the spotlight', {timeout: 150000}, async (t) => {
  const {server, dir, colours, ids} = await begin(t);
  await setView(server, 'main', {layout: 'spotlight', spotlight: ids[0]}); // all others are small
  const camera = path(dir, 'camera.y4m');
  ffmpeg('-f', 'lavfi', '-i', `color=0x${hex(green)}:s=640x360:r=25:d=1`, '-pix_fmt', 'yuv420p', camera);
  const browser = await openChromium(t, {camera});
  const page = await browser.newPage();
  watch(t, page);
  await page.addInitScript(keepConnections);
  await join(page, `${server.url}/join/yard`, 'Ana');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  const all = await until('Ana has a tile', 20000, async () => {
    const me = (await server.get('/api/v1/rooms/yard')).participants.find((/** @type {any} */ p) => p.name === 'Ana');
    return me && {colours: {...colours, [me.id]: green}, ids: [...ids, me.id], me: me.id};
  });
  await agrees(page, '#stage', all.colours, all.ids, ids[0]);
  // Chromium itself begins small and takes its time to grow.
  await until('less is sent to a small tile', 40000, async () => await page.evaluate(sentWidth) === 320);
  await tap(page, all.me);
  await agrees(page, '#stage', all.colours, all.ids, all.me);
  await until('all is sent to the spotlight', 40000, async () => await page.evaluate(sentWidth) === 640);
  await page.keyboard.press('Escape');
  await until('less again', 30000, async () => await page.evaluate(sentWidth) === 320);
});

test('a participant that comes back has its place still', {timeout: 90000}, async (t) => {
  const server = await serve(t, {});
  const browser = await openChromium(t);
  const first = await browser.newPage(), second = await browser.newPage();
  for (const page of [first, second]) watch(t, page);
  const people = async () => (await server.get('/api/v1/rooms/yard')).participants;
  for (const [page, name] of /** @type {[any, string][]} */ ([[first, 'Ana'], [second, 'Bea']])) {
    await join(page, `${server.url}/join/yard`, name);
    await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  }
  const before = await people();
  assert.deepEqual(before.map((/** @type {any} */ p) => p.name), ['Ana', 'Bea']);
  await first.reload();
  await until('the place is kept', 10000, async () => (await people())[0].away === true);
  assert.deepEqual((await people()).map((/** @type {any} */ p) => p.id), before.map((/** @type {any} */ p) => p.id));
  await join(first, `${server.url}/join/yard`, 'Ana');
  await first.waitForSelector('#call[data-state=live]', {timeout: 20000});
  const after = await people();
  assert.deepEqual(after.map((/** @type {any} */ p) => [p.id, Boolean(p.away)]), before.map((/** @type {any} */ p) => [p.id, false]));
});

test('a shared screen is a participant beside who shares it', {timeout: 90000}, async (t) => {
  const server = await serve(t, {});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  await join(page, `${server.url}/join/yard`, 'Ana');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  const live = async () => (await server.get('/api/v1/rooms/yard')).participants.filter((/** @type {any} */ p) => p.state === 'live').map((/** @type {any} */ p) => p.name);
  await page.click('#screen');
  await until('the screen is there', 20000, async () => (await live()).join() === 'Ana,Ana (screen)');
  await until('it has a tile', 10000, async () => await page.locator('.tile').count() === 2);
  await page.click('#screen');
  await until('the screen is gone', 10000, async () => (await live()).join() === 'Ana');
  await page.click('#screen');
  await until('the screen is back', 20000, async () => (await live()).length === 2);
  await page.click('#leave');
  await until('both are gone', 10000, async () => (await server.get('/api/v1/rooms')).rooms.length === 0);
});

test('Firefox: a tap puts a tile in the spotlight and back', {timeout: 120000}, async (t) => {
  const {server, colours, ids} = await begin(t);
  const browser = await openFirefox(t);
  const page = await browser.newPage();
  watch(t, page);
  await page.goto(`${server.url}/wall/yard?audio=0`);
  await agrees(page, '#wall', colours, ids);
  await page.click(`.tile[data-id="${ids[1]}"]`);
  await agrees(page, '#wall', colours, ids, ids[1]);
  await page.keyboard.press('Escape');
  await until('both of one size', 20000, async () => {
    const tiles = await agrees(page, '#wall', colours, ids);
    return Math.abs(tiles[0].area - tiles[1].area) < 100;
  });
});

/** Runs in the page: the codec of the picture that it receives now. */
async function receivedCodec() {
  const report = await /** @type {any} */ (window).connections.at(-1).getStats();
  let codec = '';
  report.forEach((/** @type {any} */ s) => { if (s.type === 'inbound-rtp' && s.kind === 'video') codec = report.get(s.codecId)?.mimeType || ''; });
  return codec;
}

test('Chromium shows the VP8 of Firefox as it is while it shows nothing else, and composed H.264 before and after', {timeout: 150000}, async (t) => {
  const server = await serve(t, {});
  const firefox = await openFirefox(t);
  const camera = await firefox.newPage();
  watch(t, camera);
  await join(camera, `${server.url}/join/yard`, 'Ana');
  await camera.waitForSelector('#call[data-state=live]', {timeout: 20000});
  const all = {layout: 'grid'}, alone = {layout: 'focus', spotlight: 'Ana', noLabels: true};
  await setView(server, 'door', all);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  await page.addInitScript(keepConnections);
  await page.goto(`${server.url}/wall/yard?view=door`);
  for (const [view, codec] of /** @type {[object, string][]} */ ([[all, 'H264'], [alone, 'VP8'], [all, 'H264'], [alone, 'VP8']])) {
    await setView(server, 'door', view);
    await until(`pictures come in ${codec}`, 40000, async () => {
      const {frames} = await page.evaluate(motion, {selector: '#wall', ms: 1500}), is = await page.evaluate(receivedCodec);
      const {renditions} = await server.get('/api/v1/rooms/yard');
      if (frames >= 12 && is === `video/${codec}` && renditions.some((/** @type {any} */ r) => r.codec === codec.toLowerCase() && Boolean(r.passed) === (codec === 'VP8'))) return true;
      throw new Error(JSON.stringify({frames, is, renditions}));
    });
  }
});
