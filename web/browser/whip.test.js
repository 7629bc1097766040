/**
 * Pages of another origin that know only WHIP and WHEP: both browsers publish a colour and watch the mix, with tokens,
 * trickled candidates, an ICE restart, events and views; and what they send follows the largest tile that shows it.
 */

import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import test from 'node:test';
import {openChromium, openFirefox, watch} from './browsers.js';
import {patch} from './picture.js';
import {defer, mint, serve, until} from './server.js';

const secret = 'a secret of the tests, of more than 32 bytes';
const colours = {chromium: [210, 50, 40], firefox: [40, 70, 210]};

/** An empty page of another origin than the server's. @param {import('node:test').TestContext} t */
async function elsewhere(t) {
  const pages = createServer((_, res) => res.setHeader('Content-Type', 'text/html').end('<!doctype html><link rel="icon" href="data:,"><video autoplay muted></video>'));
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  defer(t, () => { pages.closeAllConnections(); pages.close(); });
  return `http://localhost:${/** @type {import('node:net').AddressInfo} */ (pages.address()).port}`;
}

/** Runs in the page: makes window.call, which does what a client of both protocols does. */
function client() {
  /** Sends noise, of which an encoder takes all the bits that it gets. @param {RTCPeerConnection} pc */
  const sendNoise = (pc) => {
    const large = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
    const small = Object.assign(document.createElement('canvas'), {width: 80, height: 45});
    const [to, from] = [large, small].map((canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')));
    const noise = new ImageData(small.width, small.height);
    to.imageSmoothingEnabled = false;
    setInterval(() => {
      const pixels = new Uint32Array(noise.data.buffer);
      for (let i = 0; i < pixels.length; i++) pixels[i] = 0xff000000 | Math.random() * 0x1000000;
      from.putImageData(noise, 0, 0);
      to.drawImage(small, 0, 0, large.width, large.height);
    }, 66);
    const stream = large.captureStream(15);
    pc.addTransceiver(stream.getVideoTracks()[0], {direction: 'sendonly', streams: [stream]});
  };
  /** @param {RTCPeerConnection} pc @param {number[]} rgb */
  const send = (pc, rgb) => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 180});
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    let n = 0;
    setInterval(() => {
      context.fillStyle = `rgb(${rgb})`;
      context.fillRect(0, 0, 320, 180);
      context.fillStyle = 'white';
      context.fillRect(n++ % 300, 0, 16, 8);
    }, 66);
    const stream = canvas.captureStream(15);
    pc.addTransceiver(stream.getVideoTracks()[0], {direction: 'sendonly', streams: [stream]});
  };
  /** @param {RTCPeerConnection} pc */
  const receive = (pc) => {
    const stream = new MediaStream();
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {direction: 'recvonly'});
    pc.ontrack = ({track}) => stream.addTrack(track);
    /** @type {HTMLVideoElement} */ (document.querySelector('video')).srcObject = stream;
  };
  const field = (/** @type {string} */ sdp, /** @type {string} */ key) => (sdp.match(new RegExp(`a=${key}:(.*)\r\n`)) || [])[1];

  /** @param {{endpoint: string, token: string, rgb?: number[], noise?: boolean}} what with a colour or noise it publishes, without one it watches */
  const call = async ({endpoint, token, rgb, noise}) => {
    const pc = new RTCPeerConnection(), waiting = /** @type {RTCIceCandidate[]} */ ([]), trickled = /** @type {number[]} */ ([]);
    let tag = '', session = '';
    const ask = (/** @type {string} */ method, /** @type {string} */ url, /** @type {string} */ body = '', type = '', more = {}) =>
      fetch(url, {method, body: body || undefined, headers: {authorization: `Bearer ${token}`, ...(type && {'content-type': type}), ...more}});
    const fragment = (/** @type {string} */ match, /** @type {string} */ body) => ask('PATCH', session, body, 'application/trickle-ice-sdpfrag', {'if-match': match});
    const flush = async () => {
      if (!tag || !waiting.length) return;
      const body = waiting.splice(0).map((c) => `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${c.sdpMid}\r\na=${c.candidate}\r\n`).join('');
      trickled.push((await fragment(tag, body)).status);
    };
    pc.onicecandidate = ({candidate}) => {
      if (!candidate?.candidate) return;
      waiting.push(candidate);
      flush();
    };
    if (noise) sendNoise(pc);
    else if (rgb) send(pc, rgb);
    else receive(pc);
    await pc.setLocalDescription(await pc.createOffer());
    const offer = pc.localDescription?.sdp || '';
    const res = await ask('POST', endpoint, offer, 'application/sdp');
    if (res.status !== 201) return {status: res.status, problem: await res.json()};
    session = new URL(res.headers.get('location') || '', endpoint).href;
    let answer = await res.text();
    await pc.setRemoteDescription({type: 'answer', sdp: answer});
    tag = res.headers.get('etag') || '';
    await flush();
    const me = {
      pc, trickled,
      end: async () => (await ask('DELETE', session)).status,
      view: async (/** @type {object} */ view) => (await ask('POST', `${session}/view`, JSON.stringify(view), 'application/json')).status,
      restart: async () => {
        tag = '';
        await pc.setLocalDescription(await pc.createOffer({iceRestart: true}));
        const mine = pc.localDescription?.sdp || '';
        const res = await fragment('*', `a=ice-ufrag:${field(mine, 'ice-ufrag')}\r\na=ice-pwd:${field(mine, 'ice-pwd')}\r\n`);
        const theirs = await res.text();
        for (const key of ['ice-ufrag', 'ice-pwd']) answer = answer.replaceAll(String(field(answer, key)), String(field(theirs, key))); // in the candidates too
        await pc.setRemoteDescription({type: 'answer', sdp: answer});
        tag = res.headers.get('etag') || '';
        await flush();
        return res.status;
      },
      /** @type {Record<string, any>} */ heard: {},
    };
    const [, events] = (res.headers.get('link') || '').match(/<([^>]*)>; rel="urn:ietf:params:whep:ext:core:server-sent-events"/) || [];
    if (events) {
      const kinds = ['layout', 'rendition', 'participants', 'end'];
      const {headers} = await ask('POST', new URL(events, endpoint).href, JSON.stringify(kinds), 'application/json');
      const source = new EventSource(new URL(headers.get('location') || '', endpoint));
      for (const kind of kinds) {
        source.addEventListener(kind, ({data}) => { me.heard[kind] = JSON.parse(data); });
      }
      source.addEventListener('end', () => source.close());
    }
    return {status: res.status, me};
  };
  Object.assign(window, {call});
}

/** Runs in the page: how many pictures were decoded, and how the connections are. */
async function health() {
  const {up, down} = /** @type {any} */ (window);
  const video = [...(await down.pc.getStats()).values()].find((s) => s.type === 'inbound-rtp' && s.kind === 'video');
  return {frames: video?.framesDecoded || 0, states: [up, down].map(({pc}) => pc.iceConnectionState)};
}

/**
 * One browser's page, with both of its sessions.
 * @param {import('node:test').TestContext} t @param {any} page @param {string} name @param {string} origin @param {string} server @param {(grant: string, name?: string) => string} token
 */
async function attend(t, page, name, origin, server, token) {
  watch(t, page);
  await page.goto(`${origin}/`);
  await page.evaluate(client);
  const rgb = /** @type {any} */ (colours)[name];
  const statuses = await page.evaluate(async (/** @type {any} */ o) => {
    const w = /** @type {any} */ (window);
    const [up, down] = [await w.call(o.up), await w.call(o.down)];
    Object.assign(w, {up: up.me, down: down.me});
    return [up.status, down.status];
  }, {
    up: {endpoint: `${server}/whip/yard/${name}`, token: token('publish', name), rgb},
    down: {endpoint: `${server}/whep/yard`, token: token('view')},
  });
  assert.deepEqual(statuses, [201, 201], name);
}

/**
 * The picture of a page has a colour where the layout that it was told has the tile of a name.
 * @param {any} page @param {string} name @param {number} share of the tile, at least
 */
async function agrees(page, name, share = 0.9) {
  return until(`${name} where the layout says`, 20000, async () => {
    const box = await page.evaluate(patch, {selector: 'video', rgb: /** @type {any} */ (colours)[name]});
    const {layout, width} = await page.evaluate(() => ({
      layout: /** @type {any} */ (window).down.heard.layout, width: /** @type {HTMLVideoElement} */ (document.querySelector('video')).videoWidth,
    }));
    const tile = layout?.tiles.find((/** @type {any} */ one) => one.name === name);
    const scale = width / layout?.canvas.w;
    if (box && tile && Math.abs(box.x - tile.x * scale) < 24 && box.w > tile.w * scale * share) return {box, layout, width};
    throw new Error(JSON.stringify({box, layout, width}));
  });
}

test('Chromium and Firefox publish by WHIP and watch by WHEP, from another origin', {timeout: 120000}, async (t) => {
  const origin = await elsewhere(t);
  const server = await serve(t, {auth: {mode: 'token', secret, origins: [origin]}, mix: {labels: false}});
  const token = (/** @type {string} */ grant, name = '') => mint(secret, '--room', 'yard', '--grant', grant, ...(name ? ['--name', name] : []));
  const [chromium, firefox] = await Promise.all([openChromium(t), openFirefox(t)]);
  const pages = {chromium: await chromium.newPage(), firefox: await firefox.newPage()};
  await attend(t, pages.chromium, 'chromium', origin, server.url, token);
  await attend(t, pages.firefox, 'firefox', origin, server.url, token);
  for (const page of Object.values(pages)) for (const name of Object.keys(colours)) await agrees(page, name);

  for (const [browser, page] of Object.entries(pages)) {
    const restarted = await page.evaluate(async () => [await /** @type {any} */ (window).up.restart(), await /** @type {any} */ (window).down.restart()]);
    assert.deepEqual(restarted, [200, 200], browser);
    const before = (await page.evaluate(health)).frames;
    await until(`${browser} goes on after ICE restarts`, 20000, async () => {
      const now = await page.evaluate(health);
      if (now.frames > before + 20 && now.states.every((/** @type {string} */ s) => s === 'connected' || s === 'completed')) return now;
      throw new Error(JSON.stringify({before, ...now}));
    });
    const trickled = await until(`${browser} has trickled`, 10000, async () => {
      const all = await page.evaluate(() => [.../** @type {any} */ (window).up.trickled, .../** @type {any} */ (window).down.trickled]);
      return all.length >= 2 && all;
    });
    assert.ok(trickled.every((status) => status === 204), `${browser} trickled: ${trickled}`);

    const other = browser === 'chromium' ? 'firefox' : 'chromium';
    assert.equal(await page.evaluate((/** @type {string} */ name) => /** @type {any} */ (window).down.view({spotlight: name, exclude: 'nobody', rung: '360p'}), other), 204);
    const {layout, box} = await until(`${browser} has ${other} large`, 20000, async () => {
      const seen = await agrees(page, other);
      return seen.width === 640 && seen.box.w > 400 && seen;
    });
    assert.equal(layout.view, '', JSON.stringify({layout, box}));
  }

  await t.test('a bad token and a name of somebody else are refused, and the page can read why', async () => {
    const cases = [
      ['publish', `${server.url}/whip/yard/x`, 'rubbish', 401, 'unauthorized'],
      ['publish', `${server.url}/whip/yard/firefox`, token('publish', 'chromium'), 403, 'forbidden'],
      ['view', `${server.url}/whep/yard`, token('publish'), 403, 'forbidden'],
    ];
    const page = await chromium.newPage();
    watch(t, page, /status of 40[13]/);
    await page.goto(`${origin}/`);
    await page.evaluate(client);
    for (const [what, endpoint, token, status, code] of cases) {
      const got = await page.evaluate((/** @type {any} */ o) => /** @type {any} */ (window).call(o), {endpoint, token, rgb: what === 'publish' ? [0, 0, 0] : undefined});
      assert.deepEqual([got.status, got.problem.code], [status, code]);
      assert.ok(got.problem.detail);
    }
    await page.close();
  });

  assert.equal(await pages.firefox.evaluate(() => /** @type {any} */ (window).up.end()), 200);
  await until('firefox is gone from the mix of Chromium', 20000, async () => {
    const {layout} = await agrees(pages.chromium, 'chromium', 0.5);
    return layout.tiles.length === 1;
  });
  assert.equal(await pages.chromium.evaluate(() => /** @type {any} */ (window).down.end()), 200);
  await until('the last event', 10000, () => pages.chromium.evaluate(() => /** @type {any} */ (window).down.heard.end?.code === 'left'));
});

/** Measures what a page sends, in bits a second of the last three seconds, and what it is allowed to. @param {any} page */
function meter(page) {
  /** @type {{at: number, bytes: number, allowed: number}[]} */
  const seen = [];
  return async () => {
    const now = await page.evaluate(async () => {
      const all = [...(await /** @type {any} */ (window).up.pc.getStats()).values()];
      const {timestamp, bytesSent} = all.find((s) => s.type === 'outbound-rtp' && s.kind === 'video');
      const {selectedCandidatePairId} = all.find((s) => s.type === 'transport'); // others may be nominated too
      return {at: timestamp, bytes: bytesSent, allowed: all.find((s) => s.id === selectedCandidatePairId).availableOutgoingBitrate};
    });
    seen.push(now);
    const then = seen.findLast(({at}) => at <= now.at - 3000);
    return {allowed: now.allowed, sent: then ? (now.bytes - then.bytes) * 8000 / (now.at - then.at) : NaN};
  };
}

test('Chromium sends by WHIP what the largest tile needs, told by REMB alone', {timeout: 240000}, async (t) => {
  const origin = await elsewhere(t);
  const limit = 2.5 * 320 * 180; // what the server asks for, by the pixels of the tile
  const views = {
    main: {layout: 'custom', tiles: [{x: 0, y: 0, w: 0.25, h: 0.25}]},
    large: {layout: 'custom', tiles: [{x: 0, y: 0, w: 1, h: 1}]},
  };
  const server = await serve(t, {auth: {origins: [origin]}, rooms: {yard: {views}}});
  const page = await (await openChromium(t)).newPage();
  watch(t, page);
  await page.goto(`${origin}/`);
  await page.evaluate(client);
  for (const [name, what] of Object.entries({up: {endpoint: `${server.url}/whip/yard/noise`, noise: true}, down: {endpoint: `${server.url}/whep/yard?view=large`}})) {
    const status = await page.evaluate(async ([name, what]) => {
      const {status, me} = await /** @type {any} */ (window).call(what);
      /** @type {any} */ (window)[name] = me;
      return status;
    }, [name, {...what, token: ''}]);
    assert.equal(status, 201, name);
  }
  const measure = meter(page);
  /** @param {string} view @param {(now: {sent: number, allowed: number}) => boolean} good */
  const shows = async (view, good) => {
    assert.equal(await page.evaluate((view) => /** @type {any} */ (window).down.view({view}), view), 204);
    await until(`what is sent for ${view}`, 70000, async () => {
      const now = await measure();
      if (good(now)) return true;
      throw new Error(JSON.stringify(now));
    });
  };
  await shows('large', ({sent}) => sent > 2 * limit);
  await shows('main', ({sent, allowed}) => sent < 1.1 * limit && allowed <= limit);
  await shows('large', ({sent}) => sent > 2 * limit); // after the least it has taken half a minute
});
