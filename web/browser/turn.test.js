/** A browser whose only way is a relay sees the room and is seen in it, through the server's own TURN. */

import assert from 'node:assert/strict';
import test from 'node:test';
import {join, openChromium, watch} from './browsers.js';
import {moves} from './picture.js';
import {freePort, serve, until} from './server.js';

/** Runs in the page before its scripts: connections use relays and nothing else. */
function relaysOnly() {
  const Real = window.RTCPeerConnection;
  const made = /** @type {any} */ (window).made = /** @type {RTCPeerConnection[]} */ ([]);
  window.RTCPeerConnection = class extends Real {
    /** @param {RTCConfiguration} config */
    constructor(config) {
      super({...config, iceTransportPolicy: 'relay'});
      made.push(this);
    }
  };
}

/** Runs in the page: the kinds of candidates of the pair that is used. */
async function pair() {
  const stats = await /** @type {any} */ (window).made.at(-1).getStats();
  const all = [...stats.values()];
  const used = all.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
  const local = used && stats.get(used.localCandidateId);
  return local && [local.candidateType, local.relayProtocol];
}

test('Chromium joins through the embedded TURN server', {timeout: 60000}, async (t) => {
  const port = await freePort();
  const server = await serve(t, {turn: {listen: `127.0.0.1:${port}`}});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  await page.addInitScript(relaysOnly);
  await join(page, `${server.url}/join/yard`, 'Ana');
  await page.waitForSelector('#call[data-state=live]', {timeout: 20000});
  await moves(page, '#stage', {x: 0, y: 0, w: 1280, h: 720});
  assert.deepEqual((await page.evaluate(pair))?.[0], 'relay');
  await until('its own picture is in the room', 15000, async () => (await server.get('/api/v1/rooms/yard')).participants[0].state === 'live');
  const [told] = await page.evaluate(() => /** @type {any} */ (window).made[0].getConfiguration().iceServers);
  assert.deepEqual(told.urls, [`turn:127.0.0.1:${port}?transport=udp`, `turn:127.0.0.1:${port}?transport=tcp`]);
  assert.match(told.username, /^\d+:.+/);
});
