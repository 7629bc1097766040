/** stomp.test.js – clients of /signaling as people have them, in real browsers, over every transport of SockJS. */

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {test} from 'node:test';
import {openChromium, openFirefox, watch} from './browsers.js';
import {patch} from './picture.js';
import {defer, serve, until} from './server.js';

const transports = ['websocket', 'xhr-streaming', 'xhr-polling', 'eventsource', 'iframe-eventsource', 'iframe-htmlfile', 'iframe-xhr-polling'];
const colours = {dc1e1e: [220, 30, 30], '1ec81e': [30, 200, 30], '283ce6': [40, 60, 230]};
const small = {mix: {width: 320, height: 180, fps: 10, labels: false, rungs: ['180p']}};

/** Serves the page and the libraries it uses from an origin of their own. @param {import('node:test').TestContext} t */
async function pages(t) {
  const files = {
    '/': ['mesh/page.html', 'text/html'],
    '/page.js': ['mesh/page.js', 'text/javascript'],
    '/sockjs.min.js': ['../node_modules/sockjs-client/dist/sockjs.min.js', 'text/javascript'],
    '/stomp.min.js': ['../node_modules/stompjs/lib/stomp.min.js', 'text/javascript'],
  };
  const server = createServer((req, res) => {
    const [file, type] = files[new URL(req.url, 'http://localhost').pathname] || [];
    if (!file) return res.writeHead(204).end();
    return res.writeHead(200, {'Content-Type': type}).end(readFileSync(new URL(file, import.meta.url)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(t, () => { server.closeAllConnections(); server.close(); });
  return `http://localhost:${server.address().port}`;
}

/** What a page of this room is at. */
function address(origin, server, query) {
  return `${origin}/?${new URLSearchParams({server: `${server.url}/signaling`, ...query})}`;
}

/** The page has one remote video, in which each colour fills a rectangle of its own. */
async function seesAll(page, who, wanted) {
  await until(`${who} sees the mix`, 30000, async () => {
    const videos = await page.evaluate(() => [...document.querySelectorAll('#remote video')].map(({id}) => id));
    assert.equal(videos.length, 1, 'remote videos');
    const boxes = [];
    for (const rgb of wanted) boxes.push(await page.evaluate(patch, {selector: '#remote video', rgb}));
    const good = boxes.every((b) => b && b.share > 0.9 && b.w >= 100 && b.h >= 60);
    const apart = new Set(boxes.map((b) => b && `${b.x > 140}${b.y > 80}`)).size === wanted.length;
    if (!good || !apart) throw new Error(JSON.stringify(boxes));
    return true;
  });
  const {heard} = await page.evaluate(() => window.state);
  assert.ok(heard.length <= 1, `${who} has heard of ${heard}`);
}

/** Three pages in a room, one of which may only wait, see one mix of all three. */
async function roomOf(three, origin, server, transport, waits) {
  const list = Object.keys(colours);
  for (const [i, page] of three.entries()) {
    await page.goto(address(origin, server, {room: `r-${transport}`, transport, colour: list[i], ...(waits && i === 2 ? {waits: ''} : {})}));
  }
  for (const [i, page] of three.entries()) {
    await seesAll(page, `${transport} ${i}`, Object.values(colours));
    assert.equal(await page.evaluate(() => window.state.transport), transport);
  }
  const {participants} = await server.get(`/api/v1/rooms/r-${transport}`);
  assert.equal(participants.length, 3, 'each sends one stream');
}

test('Chromium: three clients in a room see one mix, over every transport', async (t) => {
  const origin = await pages(t);
  const server = await serve(t, {...small, auth: {origins: [origin]}, rooms: {pair: {mode: 'mesh'}}});
  const browser = await openChromium(t);
  const context = await browser.newContext({permissions: ['microphone']});
  const three = await Promise.all([1, 2, 3].map(() => context.newPage()));
  for (const page of three) watch(t, page);
  for (const transport of transports) {
    await t.test(transport, () => roomOf(three, origin, server, transport, transport === 'websocket'));
  }
  await t.test('a mesh room: two see each other', async () => {
    const [a, b] = three, [red, green] = Object.keys(colours);
    const at = (colour, more) => address(origin, server, {room: 'pair', transport: 'websocket', colour, ...more});
    await a.goto(at(red, {waits: ''}));
    await until('the first one waits', 10000, () => a.evaluate(() => window.state.connected));
    await b.goto(at(green));
    for (const [page, rgb] of [[a, colours[green]], [b, colours[red]]]) {
      await until('one sees the other', 30000, async () => {
        assert.equal(await page.evaluate(() => document.querySelectorAll('#remote video').length), 1);
        const box = await page.evaluate(patch, {selector: '#remote video', rgb});
        return box && box.share > 0.9 && box.w >= 100 && box.h >= 60;
      });
    }
    const info = await server.get('/api/v1/rooms/pair');
    assert.deepEqual([info.mode, info.viewers, info.participants.length], ['mesh', 2, 0]);
  });
});

test('Firefox: three clients in a room see one mix, over every transport', async (t) => {
  const origin = await pages(t);
  const server = await serve(t, {...small, auth: {origins: [origin]}});
  const browser = await openFirefox(t);
  const three = [];
  for (let i = 0; i < 3; i++) three.push(await browser.newPage());
  for (const page of three) watch(t, page);
  for (const transport of transports) {
    await t.test(transport, () => roomOf(three, origin, server, transport, false));
  }
});

test('a bad token is refused with a reason, over every transport', async (t) => {
  const origin = await pages(t);
  const auth = {mode: 'token', secret: '0123456789abcdef0123456789abcdef', origins: [origin]};
  const server = await serve(t, {...small, auth});
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  for (const transport of transports) {
    await page.goto(address(origin, server, {room: 'yard', transport, token: 'bad'}));
    const why = await until(`${transport}: the reason`, 10000, () => page.evaluate(() => window.state.refused || null));
    assert.match(why, /^unauthorized: .*token/);
  }
});
