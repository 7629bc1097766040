/** What the footage page computes, without a browser. */

import assert from 'node:assert/strict';
import test from 'node:test';
import {endOf, locate, parsePlaylist, wallAt} from '../static/playlist.js';
import {hour, local, minute, parse, ticks, zone} from '../static/time.js';

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
