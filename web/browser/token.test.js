/**
 * A server that asks for tokens: pages without one say so, pages with one hand it on to whatever they ask for and
 * wherever they lead, and it is in no Referer.
 */

import assert from 'node:assert/strict';
import {join as path} from 'node:path';
import test from 'node:test';
import {join, openChromium, watch} from './browsers.js';
import {motion, moves, patch} from './picture.js';
import {defer, ffmpeg, mint, scratch, serve, settles, until} from './server.js';

const secret = '0123456789abcdef0123456789abcdef';
const green = [20, 170, 60];
const refused = /Failed to load resource: the server responded with a status of 40[13]/;

/** A recorded room with a camera that moves. @param {import('node:test').TestContext} t */
function begin(t) {
  const cameras = [{name: 'gate', url: 'test:', audio: false}];
  return serve(t, {auth: {mode: 'token', secret}, mix: {labels: false}, rooms: {yard: {cameras, record: ['main']}}});
}

/** Fails the test if a page sends a Referer with a token. @param {import('node:test').TestContext} t @param {any} page */
function noReferer(t, page) {
  /** @type {Promise<void>[]} */
  const asked = [];
  page.on('request', (/** @type {any} */ r) => asked.push(r.allHeaders().then((/** @type {any} */ h) => assert.doesNotMatch(h.referer || '', /token/, r.url()), () => {})));
  return async () => {
    const all = await Promise.allSettled(asked);
    assert.ok(all.length > 5, `${all.length} requests were seen`);
    assert.deepEqual(all.filter((a) => a.status === 'rejected').map((a) => /** @type {any} */ (a).reason.message), []);
  };
}

test('a page without a good token says why, and asks for nothing', {timeout: 60000}, async (t) => {
  const server = await begin(t);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page, refused);
  const view = mint(secret, '--room', 'yard', '--grant', 'view'), garden = mint(secret, '--room', 'garden', '--grant', 'admin');
  const expired = mint(secret, '--room', 'yard', '--grant', 'admin', '--ttl', '1ns');
  for (const [address, status, title, reason] of /** @type {[string, number, RegExp, RegExp][]} */ ([
    ['/join/yard', 401, /needs a token/, /a token is needed/],
    ['/', 401, /needs a token/, /a token is needed/],
    ['/footage/yard?token=garbage', 401, /needs a token/, /broken/],
    [`/join/yard?token=${mint(`${secret}x`, '--room', 'yard')}`, 401, /needs a token/, /not signed by this server/],
    [`/wall/yard?token=${garden}`, 403, /does not open this page/, /another room/],
    [`/join/yard?token=${view}`, 403, /does not open this page/, /grants view; needed is view, publish/],
  ])) {
    const res = await page.goto(server.url + address);
    assert.equal(res?.status(), status, address);
    assert.match(await page.textContent('h1') || '', title);
    assert.match(await page.textContent('#reason') || '', reason);
    assert.equal(await page.locator('video, script').count(), 0, address);
  }
  await until('a token that is no longer good is refused', 20000, async () => (await page.goto(`${server.url}/wall/yard?token=${expired}`))?.status() === 401);
  assert.match(await page.textContent('#reason') || '', /expired at/);
});

test('with a token a guest is in the mix, under the name of the token, and goes on to the wall', {timeout: 120000}, async (t) => {
  const server = await begin(t);
  const camera = path(scratch(t), 'camera.y4m');
  ffmpeg('-f', 'lavfi', '-i', `color=0x${green.map((n) => n.toString(16).padStart(2, '0')).join('')}:s=640x360:r=15:d=2`, '-pix_fmt', 'yuv420p', camera);
  const browser = await openChromium(t, {camera});
  const page = await browser.newPage();
  watch(t, page);
  const done = noReferer(t, page);
  const token = mint(secret, '--room', 'yard', '--name', 'José', '--grant', 'view,publish');
  await join(page, `${server.url}/join/yard?token=${token}`, 'José');
  assert.equal(await page.evaluate(() => /** @type {HTMLInputElement} */ (document.querySelector('#name')).readOnly), true);
  await until('its own colour in a tile', 20000, async () => {
    const found = await page.evaluate(patch, {selector: '#stage', rgb: green});
    return found && found.share > 0.9 && found.w > 560;
  });
  await moves(page, '#stage', {x: 0, y: 180, w: 640, h: 360});
  await settles('the list', 5000, async () => assert.deepEqual(await page.locator('#here .who').allTextContents(), ['gate', 'José']));

  await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('#leave')).click());
  assert.equal(await page.getAttribute('#gone a[href^="/?"]', 'href'), `/?token=${token}`);
  const wall = await page.getAttribute('#lobby [data-door=wall]', 'href');
  assert.equal(wall, `/wall/yard?token=${token}`);
  await page.goto(server.url + wall);
  await moves(page, '#wall', {x: 0, y: 0, w: 1280, h: 720});
  await done();
});

test('the front page tells rooms to those who may see all of them', {timeout: 60000}, async (t) => {
  const server = await begin(t);
  const browser = await openChromium(t);
  const admin = await browser.newPage(), guest = await browser.newPage();
  watch(t, admin);
  watch(t, guest, refused);
  const all = mint(secret, '--room', '*', '--grant', 'admin');
  await admin.goto(`${server.url}/?token=${all}`);
  await admin.locator('.room', {hasText: 'yard'}).getByText('Wall').click();
  await admin.waitForURL(`${server.url}/wall/yard?token=${all}`);
  await guest.goto(`${server.url}/?token=${mint(secret, '--room', 'yard')}`);
  await guest.getByText('Enter the name of yours').waitFor();
  await guest.fill('#room', 'yard');
  await guest.locator('button[value=wall]').click();
  await guest.waitForSelector('body[data-state=live]', {timeout: 20000});
});

test('a wall whose token is not good any more says so, and does not hammer', {timeout: 60000}, async (t) => {
  const server = await begin(t);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page, /ERR_CONNECTION|WebSocket connection/);
  await page.goto(`${server.url}/wall/yard?token=${mint(secret, '--room', 'yard')}`);
  await page.waitForSelector('body[data-state=live]', {timeout: 20000});
  await server.stop();
  process.env.AZULEJO_AUTH_SECRET = `${secret}y`; // beats the file's
  defer(t, () => { delete process.env.AZULEJO_AUTH_SECRET; });
  await server.start();
  await page.getByText('The token of this wall is no longer good').waitFor({timeout: 20000});
  assert.match(await page.textContent('#text') || '', /not signed by this server/);
  let tries = 0;
  page.on('websocket', () => { tries++; });
  await page.waitForTimeout(7000); // longer than the longest wait after any other loss
  assert.equal(tries, 0, 'it tries again sooner than after a minute');
});

test('footage plays with a token, here and in players that know only the address', {timeout: 120000}, async (t) => {
  const server = await begin(t);
  const token = mint(secret, '--room', 'yard', '--grant', 'footage');
  const ask = (/** @type {string} */ address, bearer = '') => fetch(`${server.url}/api/v1/footage/yard/main${address}`, bearer ? {headers: {Authorization: `Bearer ${bearer}`}} : {});
  const span = await until('ten seconds of footage', 60000, async () => {
    const {spans} = await (await ask('', token)).json();
    return spans[0] && Date.parse(spans[0].to) - Date.parse(spans[0].from) > 10000 && spans[0];
  });
  const list = await (await ask(`/index.m3u8?token=${token}`)).text();
  const named = [...list.matchAll(/init\/[^"\n]+|segments\/.+/g)].map((m) => `/${m[0]}`);
  assert.ok(named.length > 2);
  for (const uri of named.slice(0, 3)) {
    assert.equal((await ask(uri)).status, 200, uri);
    assert.equal((await ask(uri.split('?')[0])).status, 401, uri);
  }
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  const done = noReferer(t, page);
  await page.goto(`${server.url}/footage/yard?token=${token}#t=${Date.parse(span.from) + 2000}`);
  await until('the footage plays', 20000, async () => {
    const {frames, advanced} = await page.evaluate(motion, {selector: '#video', ms: 1000});
    return frames > 3 && advanced > 0.3;
  });
  await page.waitForSelector('.lane .span');
  await done();
});
