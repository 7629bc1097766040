/** Pages say why a camera has no picture. */

import assert from 'node:assert/strict';
import {createServer} from 'node:net';
import {once} from 'node:events';
import test from 'node:test';
import {join, openChromium, watch} from './browsers.js';
import {defer, serve} from './server.js';

/** A camera that refuses every login. @param {import('node:test').TestContext} t @returns {Promise<string>} its URL */
async function closedCamera(t) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  const camera = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const seq = /CSeq: *(\d+)/i.exec(String(data))?.[1] || '1';
      const answer = /^OPTIONS /.test(String(data)) ? '200 OK\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY' : '401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"';
      socket.write(`RTSP/1.0 ${answer}\r\nCSeq: ${seq}\r\nContent-Length: 0\r\n\r\n`);
    });
  }).listen(0, '127.0.0.1');
  await once(camera, 'listening');
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    camera.close();
  });
  return `rtsp://admin:wrong@127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (camera.address()).port}/stream`;
}

test('the tile of a camera with a wrong password says so, in the language of the browser', {timeout: 60000}, async (t) => {
  const server = await serve(t, {rooms: {yard: {cameras: [{name: 'Gate', url: await closedCamera(t)}, {name: 'Door', url: 'test:?w=640&h=360&fps=10'}]}}});
  const browser = await openChromium(t);
  const english = await browser.newPage({locale: 'en-GB'}), korean = await browser.newPage({locale: 'ko-KR'});
  for (const page of [english, korean]) watch(t, page);
  await english.goto(`${server.url}/wall/yard`);
  await join(korean, `${server.url}/join/yard`, '철수');
  const gate = '.tile[aria-label^="Gate"] .why';
  await english.waitForSelector(`${gate} .sentence:text("refuses the user name or the password")`, {timeout: 20000});
  await english.waitForSelector(`${gate} .since:text("since ")`, {timeout: 5000});
  assert.equal(await english.locator('.tile[aria-label^="Door"] .why').count(), 0, 'a live tile says something');
  await korean.waitForSelector(`${gate} .sentence:text("비밀번호를 거부")`, {timeout: 20000});
  await korean.waitForSelector('#here .age:text("비밀번호를 거부")', {timeout: 5000});

  assert.equal(await english.locator(`${gate} .detail`).count(), 0, 'the detail is there before the tap');
  await english.click('.tile[aria-label^="Gate"]');
  const detail = english.locator(`${gate} .detail`);
  await detail.waitFor({timeout: 10000});
  assert.match(await detail.textContent() || '', /\w+ \w+/);
  assert.doesNotMatch(await detail.textContent() || '', /admin|:wrong/);
});
