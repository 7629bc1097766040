/** names.js – which names Dart files declare and which they use: enough to find a name that nobody declared. */

import {walk} from './source.js';

/** @typedef {import('./source.js').Node} Node */

/** Declarations and where in them the name stands; '' is any identifier that is a direct child. */
const declarations = new Map(Object.entries({
  class_definition: 'name', enum_declaration: 'name', enum_constant: 'name', extension_declaration: 'name',
  function_signature: 'name', getter_signature: 'name', setter_signature: 'name',
  constructor_signature: '', constant_constructor_signature: '', factory_constructor_signature: '',
  static_final_declaration: 'first', initialized_identifier: 'first', initialized_variable_definition: 'name',
  for_loop_parts: 'name', formal_parameter: 'last', typed_identifier: 'last', variable_pattern: 'last',
  catch_parameters: '', type_parameter: '', import_specification: '', mixin_declaration: '', type_alias: '',
}));

/** Names that are gone at the end of a function, or belong to a file. */
const local = new Set(['initialized_variable_definition', 'for_loop_parts', 'formal_parameter', 'typed_identifier',
  'variable_pattern', 'catch_parameters', 'type_parameter', 'import_specification']);

const identifier = (/** @type {Node|null} */ node) => node?.type === 'identifier' || node?.type === 'type_identifier';

/** @param {Node} node @returns {Node[]} the names that it declares */
function declared(node) {
  const where = declarations.get(node.type);
  if (where === undefined) return [];
  if (where === 'name') {
    const name = node.childForFieldName('name');
    return name ? [name] : [];
  }
  const names = node.children.flatMap((child) => (child && identifier(child) ? [child] : []));
  if (where === 'first') return names.slice(0, 1);
  return where === 'last' ? names.slice(-1) : names;
}

/**
 * @typedef {object} Names
 * @property {Set<string>} top what other files can import
 * @property {Set<string>} members what they can reach from there, names of parameters included
 * @property {Set<string>} locals what they cannot
 * @property {Map<string, number>} used how often, declarations included
 * @property {Set<string>} free used on their own, not as members of something or names of arguments
 */

/** @param {Node} tree @returns {Names} */
export function names(tree) {
  /** @type {Names} */
  const found = {top: new Set(), members: new Set(), locals: new Set(), used: new Map(), free: new Set()};
  const prefixes = new Set([...walk(tree)].filter((node) => node.type === 'import_specification').flatMap((node) => declared(node).map(({text}) => text)));
  const {text: whole} = tree;
  for (const node of walk(tree)) {
    if (identifier(node)) {
      found.used.set(node.text, (found.used.get(node.text) || 0) + 1);
      if (isFree(node, whole, prefixes)) found.free.add(node.text);
    }
    for (const {text} of declared(node)) kindOf(node, found).add(text);
  }
  return found;
}

/** @param {Node} node a declaration @param {Names} found */
function kindOf(node, found) {
  if (node.parent?.type === 'optional_formal_parameters') return found.members;
  if (local.has(node.type)) return found.locals;
  return isTop(node) ? found.top : found.members;
}

/** @param {Node} node a declaration */
function isTop(node) {
  const parent = node.parent;
  return parent?.type === 'program' || (parent?.type === 'static_final_declaration_list' && parent.parent?.type === 'program');
}

/** @param {Node} node @param {string} text of the file @param {Set<string>} prefixes of imports */
function isFree(node, text, prefixes) {
  if (node.parent?.type === 'label') return false;
  const before = /(\w*)[?!]?\.$/.exec(text.slice(Math.max(0, node.startIndex - 40), node.startIndex));
  return !before || prefixes.has(before[1]);
}
