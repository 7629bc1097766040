/**
 * A browser that hides its addresses behind names of multicast DNS reaches the server through a NAT. When that NAT
 * dies, ICE is restarted over the same WebSocket, and the picture goes on through another one.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import {openChromium, openFirefox, watch} from './browsers.js';
import {openNAT} from './nat.js';
import {moves} from './picture.js';
import {demo, serve, settles, until} from './server.js';

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

/**
 * Runs in a page: joins with a picture and a sound by the dialect alone, restarts ICE, and tells what was answered and
 * how many packets of the mix came after that.
 */
async function restart() {
  const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 180});
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  setInterval(() => context.fillRect(Math.random() * 320, Math.random() * 180, 9, 9), 100);
  const ws = new WebSocket(location.href.replace('http', 'ws').replace(/[^/]*$/, 'ws'));
  const pc = new RTCPeerConnection();
  pc.addTransceiver(canvas.captureStream(10).getVideoTracks()[0], {direction: 'sendrecv'});
  pc.addTransceiver('audio', {direction: 'sendrecv'});
  /** @type {any[]} */
  const answers = [], errors = [];
  const say = (/** @type {object} */ m) => ws.send(JSON.stringify(m));
  const offer = async () => {
    await pc.setLocalDescription(await pc.createOffer());
    say({type: 'offer', sdp: pc.localDescription?.sdp});
  };
  const pass = async (/** @type {() => any} */ ok) => {
    for (const end = Date.now() + 20000; Date.now() < end && !await ok();) await new Promise((done) => setTimeout(done, 50));
  };
  const received = async () => [...(await pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp').reduce((n, s) => n + s.packetsReceived, 0);
  pc.onicecandidate = (e) => { if (e.candidate?.candidate) say({type: 'candidate', ...e.candidate.toJSON()}); };
  ws.onopen = () => say({type: 'join', room: 'yard', name: 'Ana', publish: {audio: true, video: true}});
  ws.onmessage = async (e) => {
    const m = JSON.parse(e.data);
    if (m.type === 'joined') await offer();
    if (m.type === 'error') errors.push(m.message);
    if (m.type === 'candidate') await pc.addIceCandidate(m);
    if (m.type !== 'answer') return;
    await pc.setRemoteDescription(m);
    answers.push(/a=ice-ufrag:(\S+)/.exec(m.sdp)?.[1]);
  };
  await pass(async () => await received() > 20);
  pc.restartIce();
  await offer();
  await pass(() => answers.length === 2 && pc.connectionState === 'connected');
  const before = await received();
  await pass(async () => await received() > before + 20);
  return {answers, errors, after: await received() - before};
}

for (const [name, open] of /** @type {[string, Function][]} */ ([['Chromium', openChromium], ['Firefox', openFirefox]])) {
  test(`${name}'s restartIce() is an offer that the server takes`, {timeout: 90000}, async (t) => {
    const server = await serve(t, {});
    const page = await (await open(t)).newPage();
    watch(t, page);
    await page.goto(`${server.url}/`);
    const {answers, errors, after} = await page.evaluate(restart);
    assert.deepEqual(errors, []);
    assert.equal(new Set(answers).size, 2, `answered with credentials ${answers}`);
    assert.ok(after > 20, `${after} packets came after the restart`);
    await settles('its picture is in the room', 15000, async () => { // what the page received says nothing of what it sends
      const {participants} = await server.get('/api/v1/rooms/yard');
      assert.deepEqual(participants.map((/** @type {any} */ p) => [p.name, p.state]), [['Ana', 'live']]);
    });
  });
}
