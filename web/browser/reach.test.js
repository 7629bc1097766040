/**
 * A browser that hides its addresses behind names of multicast DNS reaches the server through a NAT. When that NAT
 * dies, ICE is restarted over the same WebSocket, and the picture goes on through another one.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import {openChromium, watch} from './browsers.js';
import {openNAT} from './nat.js';
import {moves} from './picture.js';
import {demo, until} from './server.js';

/** @typedef {{type: string, sdp?: string, candidate?: string}} Message */

/** Our UDP port on the loopback interface, as a candidate tells it. */
const ours = /^(?:a=)?candidate:\S+ \d udp \d+ 127\.0\.0\.1 (\d+) typ host/;

test('media survive the end of their path', {timeout: 90000}, async (t) => {
  const server = await demo(t, 1);
  const browser = await openChromium(t, {deny: true}); // who may use the camera is not hidden
  const page = await browser.newPage();
  watch(t, page);
  /** @type {Message[]} */
  const said = [];
  /** @type {Awaited<ReturnType<typeof openNAT>>|null} */
  let nat = null;
  /** Leaves one way to the server: through the NAT. @param {string} line */
  const through = async (line) => {
    const port = ours.exec(line)?.[1];
    if (!port) return '';
    nat ||= await openNAT(t, Number(port));
    return line.replace(` ${port} typ`, ` ${nat.port} typ`);
  };
  /** @param {Message} m */
  const rewrite = async (m) => {
    if (m.type === 'candidate') {
      m.candidate = await through(m.candidate || '');
      return m.candidate ? m : null;
    }
    if (m.type === 'answer') {
      const lines = (m.sdp || '').split('\r\n').map(async (line) => line.startsWith('a=candidate:') ? through(line) : line);
      m.sdp = (await Promise.all(lines)).filter((line) => line).join('\r\n') + '\r\n';
    }
    return m;
  };
  await page.routeWebSocket(/\/ws$/, (ws) => {
    const upstream = ws.connectToServer();
    let order = Promise.resolve();
    ws.onMessage((data) => {
      said.push(JSON.parse(String(data)));
      upstream.send(data);
    });
    upstream.onMessage((data) => {
      order = order.then(async () => {
        const m = await rewrite(JSON.parse(String(data)));
        if (m) ws.send(JSON.stringify(m));
      });
    });
  });
  await page.goto(`${server.url}/wall/demo?audio=0`);
  await moves(page, '#wall', {x: 0, y: 0, w: 1280, h: 720});
  const count = (/** @type {string} */ type) => said.filter((m) => m.type === type).length;
  const hidden = said.filter((m) => m.candidate);
  assert.ok(hidden.length > 0);
  assert.deepEqual(hidden.filter((m) => !/ [-0-9a-f]+\.local \d+ typ host/.test(m.candidate || '')), [], 'an address was not hidden');
  assert.deepEqual([count('join'), count('offer')], [1, 1]);

  const first = /** @type {any} */ (nat);
  nat = null; // the next one is made for the answer to the restart
  first.die();
  await until('ICE is restarted', 15000, () => count('offer') === 2);
  await moves(page, '#wall', {x: 0, y: 0, w: 1280, h: 720});
  assert.deepEqual([count('join'), count('offer')], [1, 2], 'joined again, or restarted more than once');
  assert.notEqual(nat, null, 'the picture came on some other way');
});
