/** What the Flutter client says and reads is what PROTOCOL.md says; what its tests expect is what the pages compute. */

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {inside} from '../static/tiles.js';
import {sources} from './source.js';

const text = readFileSync(new URL('../../signal/PROTOCOL.md', import.meta.url), 'utf8');
const whip = text.slice(text.indexOf('\n## WHIP\n'));
const whep = text.slice(text.indexOf('\n## WHEP\n'));
const dart = sources('.dart');

/** @param {string} file @returns {string} */
const of = (file) => dart.get(`lib/${file}.dart`) || assert.fail(`there is no ${file}.dart`);

/** What a pattern's group matches. @param {string} where @param {RegExp} what @returns {string[]} */
const all = (where, what) => [...new Set([...where.matchAll(what)].map((match) => match[1]))].sort();

/** @param {string[]} some @param {string[]} documented */
function within(some, documented) {
  assert.notEqual(some.length, 0, 'nothing was found: the pattern is wrong');
  assert.deepEqual(some.filter((one) => !documented.includes(one)), []);
}

/** The keys of objects, of those inside them too. @param {any} value @returns {string[]} */
const keys = (value) => (typeof value !== 'object' || !value ? [] : Array.isArray(value) ? value.flatMap(keys) : [...Object.keys(value), ...Object.values(value).flatMap(keys)]);

/** The data of an event in the document. @param {string} kind */
const event = (kind) => JSON.parse(all(whep, new RegExp(`^event: ${kind}\\ndata: (.*)$`, 'gm'))[0]);

test('headers', () => {
  const documented = all(whip, /^([A-Z][\w-]+): /gm).map((name) => name.toLowerCase());
  within(all(of('whep') + of('events') + of('place'), /'(authorization|accept|content-type|if-\w+|x-[\w-]+)':/g), documented);
  within(all(of('whep'), /headers\['([\w-]+)'\]/g), documented);
  within(all(of('refusal'), /headers\['([\w-]+)'\]/g), [...documented, ...all(whip, /`(Retry-After)`/g).map((name) => name.toLowerCase())]);
});

test('types of bodies', () => {
  within(all(of('whep') + of('events'), /'((?:application|text)\/[\w.+-]+)'/g), all(whip, /^(?:Content-Type|Accept): (.*)$/gm));
});

test('methods and statuses', () => {
  const called = all(of('whep'), /\b_client\s*\.(post|patch|delete)\(/g).map((method) => method.toUpperCase());
  const documented = [...all(whip, /^([A-Z]+) \//gm), ...all(whip, /`(OPTIONS)`/g)];
  within([...called, ...all(of('whep') + of('events'), /Request\('([A-Z]+)'/g)], documented);
  within(all(of('whep') + of('events'), /statusCode != (\d+)/g), all(whep, /^HTTP\/1\.1 (\d+) /gm));
});

test('links', () => {
  assert.deepEqual(all(of('links'), /Relation = '([^']+)'/g), all(whep, /^Link: .*?; rel="([^"]+)"/gm));
  within(all(of('links'), /parameters\['(\w+)'\]/g), all(whip, /; (\w+)="/g));
});

test('the query', () => {
  const query = of('place').slice(of('place').indexOf('queryParameters'), of('place').indexOf('/// What every'));
  within(all(query, /'(\w+)':/g), all(whep, /`(\w+)(?:=0)?`/g));
  within(all(of('place').slice(of('place').indexOf('selection(')), /'(\w+)':/g), all(whep, /\{"(?:view":"main",")?(\w+)"/g));
  assert.match(whep, /\/view HTTP/);
  assert.match(of('whep'), /\/view'/);
});

test('events and their fields', () => {
  const kinds = all(whep, /^event: (\w+)$/gm);
  const read = of('events').slice(of('events').indexOf('News? readNews'));
  const handled = all(read, /'(\w+)' => /g);
  within(handled, kinds);
  assert.deepEqual(handled, ['end', 'layout', 'rendition']);
  within(all(of('layout'), /\['(\w+)'\]/g), keys(event('layout')));
  for (const kind of ['end', 'rendition']) {
    const line = read.split('\n').find((each) => each.includes(`'${kind}' =>`)) || '';
    within(all(line, /json\['(\w+)'\]/g), keys(event(kind)));
  }
  within(all(of('refusal'), /problem\['(\w+)'\]/g), keys(JSON.parse(all(whip, /^(\{"title".*\})$/gm)[0])));
});

test('rungs are the server’s', () => {
  const rungs = (/^const rungs = \[(.*)\];$/m.exec(of('rung')) || assert.fail())[1].replaceAll("'", '').split(', ').reverse().join(', ');
  assert.ok(readFileSync(new URL('../../README.md', import.meta.url), 'utf8').includes(`\`mix.rungs\` | \`[${rungs}]\``), rungs);
});

test('fragments have the lines of the document’s, in its order', () => {
  const lines = all(of('fragment'), /first\('([^']+)'\)|'(?:a=\$)candidate'|'a=end-of-candidates'/g).filter(Boolean);
  const body = /application\/trickle-ice-sdpfrag\n\n([\s\S]*?)```/.exec(whip)?.[1] || '';
  for (const line of lines) assert.ok(body.includes(line), line);
  const order = [...of('fragment').matchAll(/first\('([^']+)'\)/g)].map((match) => body.indexOf(match[1]));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
});

test('taps of its tests hit what the pages’ tiles would', () => {
  const cases = JSON.parse(sources('hits.json').get('test/hits.json') || '');
  const {tiles} = cases;
  assert.ok(cases.hits.length >= 10);
  for (const {why, box, picture, point, id} of cases.hits) {
    const {x, y, w, h} = inside({w: box[0], h: box[1]}, {w: picture[0], h: picture[1]});
    const [px, py] = [(point[0] - x) * cases.canvas.w / w, (point[1] - y) * cases.canvas.h / h];
    const under = tiles.findLast((/** @type {any} */ t) => px >= t.x && px < t.x + t.w && py >= t.y && py < t.y + t.h);
    assert.equal(under?.id || null, id, why);
  }
});

test('tiles of its tests have the fields of the document’s', () => {
  const tile = event('layout').tiles[0];
  const cases = JSON.parse(sources('hits.json').get('test/hits.json') || '');
  for (const each of cases.tiles) assert.deepEqual(Object.keys(each).sort(), Object.keys(tile).sort());
});
