/** The Flutter client: its syntax and its names. Nothing here compiles Dart. */

import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {LANGUAGE_VERSION, MIN_COMPATIBLE_VERSION} from 'web-tree-sitter';
import {exporters, foreign, words} from './foreign.js';
import {names} from './names.js';
import {dart, faults, imports, parse, parsePubspec, root, sources} from './source.js';

const files = new Map([...sources('.dart')].map(([file, text]) => {
  const tree = parse(text);
  return [file, {text, tree, imports: imports(tree), ...names(tree)}];
}));
const pubspec = parsePubspec(sources('pubspec.yaml').get('pubspec.yaml') || '');

/** The file of ours that an import means, or '' for others'. @param {string} from @param {string} uri */
function ours(from, uri) {
  const self = `package:${pubspec.name}/`;
  if (uri.startsWith(self)) return `lib/${uri.slice(self.length)}`;
  return uri.includes(':') ? '' : path.posix.join(path.posix.dirname(from), uri);
}

test('the grammar is one that the runtime takes', () => {
  assert.ok(dart.abiVersion >= MIN_COMPATIBLE_VERSION && dart.abiVersion <= LANGUAGE_VERSION, `ABI ${dart.abiVersion}`);
});

test('broken Dart is found', () => {
  assert.deepEqual(faults(parse('void main() { print(1); }\n')), []);
  for (const broken of ['void main() { print(1) }', 'class A { int get x => ; }', 'void main() { if (a { } }', 'final x = [1, 2;', 'void main() {']) {
    assert.notDeepEqual(faults(parse(broken)), [], broken);
  }
});

test('every Dart file is correct by the grammar', () => {
  assert.ok(files.size >= 20, `${files.size} files: more were there`);
  for (const [file, {tree}] of files) assert.deepEqual(faults(tree), [], file);
});

test('a pubspec is read, and a broken one is not', () => {
  assert.deepEqual(parsePubspec('a: b\nc:\n  d: "1 2" # x\n\n  e:\n    f: 3\ng: 4\n'), {a: 'b', c: {d: '1 2', e: {f: '3'}}, g: '4'});
  for (const broken of ['a b', 'a: b\n  c: d', ' a: b', 'a: {', 'a: "b', '\ta: b', 'a: 1\na: 2']) {
    assert.throws(() => parsePubspec(broken), broken);
  }
});

test('dependencies have exact versions', () => {
  const versions = {...pubspec.dependencies, ...pubspec.dev_dependencies};
  for (const [name, version] of Object.entries(versions)) {
    if (version.sdk) assert.equal(version.sdk, 'flutter', name);
    else assert.match(version, /^\d+\.\d+\.\d+(\+[\w.]+)?$/, name);
  }
  assert.match(pubspec.environment.sdk, /^>=3\.\d+\.\d+ <4\.0\.0$/);
});

test('every import is a file of ours, a dependency, or of Dart', () => {
  for (const [file, {imports}] of files) {
    const allowed = file.startsWith('lib/') ? pubspec.dependencies : {...pubspec.dependencies, ...pubspec.dev_dependencies};
    assert.equal(new Set(imports).size, imports.length, `${file} imports something twice`);
    for (const uri of imports) {
      const mine = ours(file, uri);
      if (mine) assert.ok(existsSync(path.join(root, mine)), `${file}: ${uri}`);
      else if (uri.startsWith('package:')) assert.ok(uri.slice(8).split('/')[0] in allowed, `${file}: ${uri} is not in the pubspec`);
      else assert.match(uri, /^dart:(async|convert|io|math|ui)$/, file);
    }
  }
});

test('every dependency is imported', () => {
  const all = [...files.values()].flatMap((file) => file.imports);
  for (const name of [...Object.keys(pubspec.dependencies), 'flutter_test']) {
    assert.ok(all.some((uri) => uri.startsWith(`package:${name}/`)), `${name} is in the pubspec only`);
  }
});

/** What is wrong with the names of a file among others. @param {string} file @param {typeof files} among @returns {string[]} */
function strangers(file, among) {
  const its = /** @type {NonNullable<ReturnType<typeof files.get>>} */ (among.get(file));
  const elsewhere = new Set(Object.values(foreign).flatMap((library) => [...words(library.names), ...words(library.members)]));
  const known = new Set([...among.values()].flatMap((other) => [...other.top, ...other.members].filter((name) => !name.startsWith('_'))));
  const wrong = [];
  for (const [name, times] of its.used) {
    const here = its.top.has(name) || its.members.has(name) || its.locals.has(name);
    if (!here && !known.has(name) && !elsewhere.has(name)) wrong.push(`${file}: ${name} is declared nowhere`);
    if (here && name.startsWith('_') && name !== '_' && times < 2) wrong.push(`${file}: ${name} is never used`);
  }
  return wrong;
}

/** Names of a file's imports that it uses without them, and imports that it does not use. @param {string} file @param {typeof files} among */
function importsOff(file, among) {
  const its = /** @type {NonNullable<ReturnType<typeof files.get>>} */ (among.get(file));
  const imported = new Set(its.imports.map((uri) => ours(file, uri) || uri));
  const own = new Set([...its.top, ...its.members, ...its.locals]);
  const wrong = [];
  const providers = [
    ...[...among].filter(([other]) => other !== file && other.startsWith('lib/')).map(([other, {top}]) => ({from: other, names: [...top], also: /** @type {string[]} */ ([])})),
    ...Object.entries(foreign).filter(([library]) => library !== 'dart:core').map(([library, {names}]) => ({from: library, names: words(names), also: exporters[library] || []})),
  ];
  for (const {from, names, also} of providers) {
    const uses = names.filter((name) => its.free.has(name) && !own.has(name));
    const has = imported.has(from);
    if (uses.length && !has && !also.some((library) => imported.has(library))) wrong.push(`${file}: ${uses[0]} needs an import of ${from}`);
    if (has && !uses.length) wrong.push(`${file}: ${from} is imported and not used`);
  }
  return wrong;
}

test('every name is declared by us or on the list of others’', () => {
  for (const file of files.keys()) assert.deepEqual(strangers(file, files), []);
  const used = new Set([...files.values()].flatMap((file) => [...file.used.keys()]));
  for (const [library, {names, members}] of Object.entries(foreign)) {
    for (const name of [...words(names), ...words(members)]) assert.ok(used.has(name), `${library}: ${name} is on the list and not used`);
  }
});

test('what a file uses of others it imports, and the other way round', () => {
  for (const file of files.keys()) assert.deepEqual(importsOff(file, files), []);
});

test('a wrong name and a wrong import are found', () => {
  const tree = parse("import 'dart:math';\nimport 'place.dart';\nint f(Tile tile) => tile.widht + _x + tile.min;\nint _y = 1;\n");
  const with_ = new Map([...files, ['lib/wrong.dart', {text: '', tree, imports: imports(tree), ...names(tree)}]]);
  assert.deepEqual(strangers('lib/wrong.dart', with_), [
    'lib/wrong.dart: widht is declared nowhere', 'lib/wrong.dart: _x is declared nowhere', 'lib/wrong.dart: _y is never used']);
  assert.deepEqual(importsOff('lib/wrong.dart', with_).sort(), [
    'lib/wrong.dart: Tile needs an import of lib/layout.dart', 'lib/wrong.dart: dart:math is imported and not used',
    'lib/wrong.dart: lib/place.dart is imported and not used']);
});
