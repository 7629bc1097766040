/** source.js – reads Dart by its tree-sitter grammar (syntax, no types), and a pubspec. */

import {readFileSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {Language, Parser} from 'web-tree-sitter';

/** @typedef {import('web-tree-sitter').Node} Node */
/** @typedef {{name: string, node: Node}} Named */

export const root = fileURLToPath(new URL('../flutter', import.meta.url));

await Parser.init();
/** The ABI of this grammar must be one that the runtime takes: loading it fails otherwise. */
export const dart = await Language.load(createRequire(import.meta.url).resolve('tree-sitter-wasms/out/tree-sitter-dart.wasm'));

/** @param {string} text @returns {Node} */
export function parse(text) {
  const parser = new Parser();
  parser.setLanguage(dart);
  const tree = parser.parse(text);
  if (!tree) throw new Error('the parser gave up');
  return tree.rootNode;
}

/** All of a tree in the order of the text. @param {Node} node @returns {Generator<Node>} */
export function* walk(node) {
  yield node;
  for (const child of node.children) if (child) yield* walk(child);
}

/** Where the grammar was left. @param {Node} tree @returns {string[]} */
export function faults(tree) {
  return [...walk(tree)].filter((node) => node.isError || node.isMissing).map((node) =>
    `${node.startPosition.row + 1}:${node.startPosition.column + 1}: ${node.isMissing ? `${node.type} is missing` : `not understood: ${node.text.slice(0, 60)}`}`);
}

/** Files of the client, by path below its folder. @param {string} ending @returns {Map<string, string>} */
export function sources(ending) {
  const folders = ['', 'lib', 'test'];
  const files = folders.flatMap((folder) => readdirSync(path.join(root, folder)).map((name) => path.posix.join(folder, name)));
  return new Map(files.filter((file) => file.endsWith(ending)).map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
}

/** What a file imports. @param {Node} tree @returns {string[]} */
export function imports(tree) {
  return [...walk(tree)].filter((node) => node.type === 'configurable_uri').map((node) => node.text.slice(1, -1));
}

/** Mappings of mappings and plain values, indented by two, which is all the YAML that our pubspec has. @param {string} text */
export function parsePubspec(text) {
  /** @type {any[]} */
  const open = [{}];
  text.split('\n').forEach((line, i) => {
    if (/^\s*(#.*)?$/.test(line)) return;
    const match = /^((?: {2})*)([\w.-]+):(?: (?:"([^"]*)"|([^\s"'#&*{}[\]|>%@`!][^#]*?)))?(?:\s+#.*)?$/.exec(line);
    const depth = match ? match[1].length / 2 : -1;
    if (!match || depth >= open.length || typeof open[depth] !== 'object') throw new Error(`pubspec.yaml:${i + 1}: ${line}`);
    const value = match[3] ?? match[4];
    if (Object.hasOwn(open[depth], match[2])) throw new Error(`pubspec.yaml:${i + 1}: ${match[2]} stands twice`);
    open[depth][match[2]] = value ?? {};
    open.splice(depth + 1, Infinity, open[depth][match[2]]);
  });
  return open[0];
}
