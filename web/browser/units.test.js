/** What the pages compute, without a browser. */

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test, {mock} from 'node:test';
import {Layouts} from '../static/layouts.js';
import {Path} from '../static/path.js';
import {reasons, sinceWhen, trouble} from '../static/reasons.js';
import {endOf, locate, parsePlaylist, wallAt} from '../static/playlist.js';
import {inside} from '../static/tiles.js';
import {hour, local, minute, parse, ticks, zone} from '../static/time.js';
import {Uplink, fitting} from '../static/uplink.js';

process.env.TZ = 'Europe/Lisbon';

const noon = Date.parse('2026-03-01T12:00:00Z');
const playlist = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init/1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z
#EXTINF:4.000,
segments/a
#EXTINF:3.960,
segments/b
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init/2.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:01:00.500Z
#EXTINF:4.000,
segments/c
#EXT-X-ENDLIST
`;

test('a playlist: fragments follow on, a date of its own restarts the clock', () => {
  const list = parsePlaylist(playlist);
  assert.deepEqual(list.map((f) => f.wall - noon), [0, 4000, 60500]);
  assert.deepEqual(list.map((f) => f.start), [0, 4, 7.96]);
  assert.equal(endOf(list), noon + 64500);
  assert.ok(Number.isNaN(endOf([])));
});

test('times become positions, gaps are skipped, the end is the end', () => {
  const list = parsePlaylist(playlist);
  assert.deepEqual(locate(list, noon + 5500), {position: 5.5, wall: noon + 5500});
  assert.deepEqual(locate(list, noon - 1000), {position: 0, wall: noon});
  assert.deepEqual(locate(list, noon + 30000), {position: 7.96, wall: noon + 60500});
  assert.equal(locate(list, noon + 64500), null);
  assert.equal(locate([], noon), null);
});

test('positions become times, on both sides of a gap', () => {
  const list = parsePlaylist(playlist);
  assert.equal(wallAt(list, 5.5), noon + 5500);
  assert.equal(wallAt(list, 7.96), noon + 60500);
  assert.equal(wallAt(list, 8.96), noon + 61500);
  assert.equal(wallAt(list, 99), noon + 64500);
  assert.ok(Number.isNaN(wallAt([], 1)));
});

test('typed and linked times', () => {
  assert.equal(parse('2026-03-01T12:00:00Z'), noon);
  assert.equal(parse(String(noon)), noon);
  assert.equal(parse(local(noon)), noon);
  for (const bad of ['', 'noon', '12:00', '2026', '20260301']) assert.ok(Number.isNaN(parse(bad)), bad);
});

test('the offset is the one in force at that time', () => {
  assert.equal(zone(Date.parse('2026-01-01T00:00:00Z')), 'UTC+00:00');
  assert.equal(zone(Date.parse('2026-07-01T00:00:00Z')), 'UTC+01:00');
});

test('ticks are round by the clock on the wall, also across daylight saving', () => {
  assert.deepEqual(ticks(noon + 61000, noon + hour, 10 * minute).map((t) => (t - noon) / minute), [10, 20, 30, 40, 50]);
  const spring = Date.parse('2026-03-29T00:00:00Z'); // at 01:00 the clock jumps to 02:00
  assert.deepEqual(ticks(spring - hour, spring + 10 * hour, 3 * hour).map((t) => new Date(t).getHours()), [0, 3, 6, 9]);
});

/** @param {number} rtp */
const layout = (rtp) => ({view: 'main', rtp, canvas: {w: 1280, h: 720}, tiles: []});

test('a layout waits for its picture, modulo 2^32; the newest that is due counts', () => {
  mock.timers.enable({apis: ['setTimeout']});
  /** @type {number[]} */
  const seen = [];
  const layouts = new Layouts((l) => seen.push(l.rtp));
  layouts.frame(4294960000);
  for (const rtp of [4294961000, 4294962000, 500, 90000]) layouts.put(layout(rtp));
  layouts.frame(4294960999);
  assert.deepEqual(seen, []);
  layouts.frame(4294962001);
  assert.deepEqual(seen, [4294962000]);
  layouts.frame(700);
  assert.deepEqual(seen, [4294962000, 500]);
  mock.timers.tick(2999);
  assert.equal(seen.length, 2);
  mock.timers.tick(1); // no such picture came
  assert.deepEqual(seen, [4294962000, 500, 90000]);
  layouts.put(layout(600));
  assert.deepEqual(seen.at(-1), 600, 'its picture is on the screen already');
  layouts.put(layout(95000));
  layouts.close();
  mock.timers.tick(9000);
  assert.equal(seen.length, 4);
  mock.timers.reset();
});

test('a layout does not wait long where pictures do not tell their time', () => {
  mock.timers.enable({apis: ['setTimeout']});
  /** @type {number[]} */
  const seen = [];
  const layouts = new Layouts((l) => seen.push(l.rtp));
  layouts.put(layout(7));
  layouts.frame(undefined);
  assert.deepEqual(seen, []);
  mock.timers.tick(250);
  assert.deepEqual(seen, [7]);
  mock.timers.reset();
});

test('what is sent covers the tile, and fewer pixels get fewer bits', () => {
  const source = {w: 1280, h: 720};
  const scale = (/** @type {number} */ w, /** @type {number} */ h) => fitting(source, {w, h}, 1500000).scale;
  assert.deepEqual(fitting(source, null, 1500000), {scale: 1, maxBitrate: 1500000});
  assert.deepEqual([scale(1280, 720), scale(1920, 1080), scale(1170, 658), scale(1000, 562), scale(640, 360), scale(426, 240), scale(320, 180), scale(128, 72), scale(2, 2)], [1, 1, 1, 1, 2, 3, 4, 8, 8]);
  assert.equal(fitting({w: 640, h: 480}, {w: 320, h: 180}, 1500000).scale, 2, 'cropped to the tile it would fill it');
  const rates = [1, 2, 4].map((n) => fitting(source, {w: 1280 / n, h: 720 / n}, 1500000).maxBitrate);
  assert.deepEqual(rates, [1500000, 530330, 187500]);
  assert.equal(fitting({w: 3840, h: 2160}, null, 1500000).maxBitrate, 1500000);
  assert.deepEqual(fitting(source, {w: 0, h: 0}, 1500000), {scale: 8, maxBitrate: 40000, maxFramerate: 5});
});

test('less is sent after a while, more at once', async () => {
  mock.timers.enable({apis: ['setTimeout']});
  const encoding = /** @type {any} */ ({});
  const sender = {track: {getSettings: () => ({width: 1280, height: 720})}, getParameters: () => ({encodings: [encoding]}), setParameters: async () => {}};
  const uplink = new Uplink(/** @type {any} */ (sender), 1500000);
  const after = async (/** @type {number} */ ms) => {
    mock.timers.tick(ms);
    for (let i = 0; i < 5; i++) await Promise.resolve();
    return encoding.scaleResolutionDownBy;
  };
  uplink.fit();
  assert.equal(await after(0), 1);
  uplink.tile({w: 320, h: 180});
  assert.equal(await after(2999), 1);
  assert.equal(await after(1), 4);
  uplink.tile({w: 0, h: 0});
  assert.equal(await after(3000), 8);
  assert.equal(encoding.maxFramerate, 5);
  uplink.tile({w: 640, h: 360});
  assert.equal(await after(0), 2);
  assert.equal(encoding.maxFramerate, undefined);
  uplink.tile({w: 320, h: 180});
  uplink.tile({w: 640, h: 360}); // a blip
  assert.equal(await after(9000), 2);
  mock.timers.reset();
});

test('the picture inside its element', () => {
  assert.deepEqual(inside({w: 900, h: 900}, {w: 1280, h: 720}), {x: 0, y: 196.875, w: 900, h: 506.25});
  assert.deepEqual(inside({w: 2000, h: 720}, {w: 1280, h: 720}), {x: 360, y: 0, w: 1280, h: 720});
  assert.deepEqual(inside({w: 360, h: 640}, {w: 720, h: 1280}), {x: 0, y: 0, w: 360, h: 640});
});

test('a lost path is tried once, and given up when nothing comes of it', () => {
  let now = 0, restarts = 0;
  const path = new Path(() => restarts++, () => now);
  assert.deepEqual([path.trying, path.hopeless], [false, false]);
  path.lost();
  path.lost();
  assert.deepEqual([restarts, path.trying, path.hopeless], [1, true, false]);
  now += 1900;
  path.answered();
  now += 3900;
  assert.deepEqual([path.trying, path.hopeless], [true, false], 'an answer gives it more time');
  path.found();
  path.lost();
  assert.equal(restarts, 2, 'another loss is another try');
  now += 2100;
  assert.deepEqual([path.trying, path.hopeless], [false, true], 'no answer');
  path.answered();
  path.lost();
  assert.deepEqual([restarts, path.hopeless], [2, true]);
  path.changed();
  path.changed();
  assert.deepEqual([restarts, path.trying], [3, true], 'another network is worth another try');
});

/** Sets what the browser prefers, until the end of the test. @param {import('node:test').TestContext} t @param {...string} languages */
function prefers(t, ...languages) {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', {value: {languages}, configurable: true});
  t.after(() => { if (before) Object.defineProperty(globalThis, 'navigator', before); });
}

test('every reason of the server has a sentence in English and in Korean', () => {
  const source = readFileSync(new URL('../../mixer/reason.go', import.meta.url), 'utf8');
  const words = [...source.matchAll(/^\tReason\w+ +Reason += "([a-z-]+)"/gm)].map((m) => m[1]);
  assert.ok(words.length > 20, `${words.length} reasons`);
  for (const word of words) {
    assert.match(reasons[word]?.en || '', /^[A-Z].*[.…]$|\)$/, word);
    assert.match(reasons[word]?.ko || '', /[가-힣]/, word);
  }
  assert.deepEqual(Object.keys(reasons).filter((word) => !words.includes(word)), []);
});

test('a tile says why it is not live, in the language of the browser', (t) => {
  const tile = {state: 'connecting', reason: 'wrong-password'};
  const source = {id: '1', name: 'Gate', reason: 'wrong-password', detail: '401 Unauthorized', since: '2026-03-01T12:03:00Z', audioReason: 'no-audio-codec', audioDetail: 'G.726'};
  prefers(t, 'pt-PT', 'en-GB', 'ko');
  const why = trouble(tile, source);
  assert.equal(why.sentence, 'The camera refuses the user name or the password.');
  assert.match(why.since, /^since .*\b1\b.* 12:03$/);
  assert.equal(why.detail, '401 Unauthorized');
  assert.equal(why.sound, 'No sound: its format cannot be decoded. (G.726)');
  assert.equal(sinceWhen('2026-03-01T12:03:00Z', new Date('2026-03-01T18:00:00Z')), 'since 12:03');
  prefers(t, 'ko-KR', 'en');
  assert.equal(trouble(tile, source).sentence, '카메라가 사용자 이름이나 비밀번호를 거부합니다.');
  assert.equal(sinceWhen('2026-03-01T12:03:00Z', new Date('2026-03-01T18:00:00Z')), '12:03부터');
  assert.deepEqual(trouble({state: 'live'}, {id: '1', name: 'Gate'}), {sentence: '', since: '', detail: '', sound: ''});
  assert.equal(trouble(tile, {...source, reason: 'timeout'}).detail, '', 'the detail of another reason');
  assert.equal(trouble({state: 'lost', reason: 'news'}).sentence, 'news');
});
