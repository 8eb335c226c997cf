// Which blocks of the code an input reaches: as files are loaded, a counter is written into every branch of their source.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

/** A branch of the code: a function's body, one side of a condition, a loop's body, a case. */
export interface Block {
  readonly file: string;
  readonly line: number;
}

/** More than all files together have. */
const MOST_BLOCKS = 16_384;
/** The counters' name in the code that is loaded. */
const COUNTERS = '__blocks';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** At one place, what inner nodes close stands before what outer ones close, and all of it before what is opened. */
  readonly closing: boolean;
}

export class Coverage {
  readonly blocks: Block[] = [];
  readonly #counters = new Uint8Array(MOST_BLOCKS);
  /** For each block, the magnitudes of hits seen so far, as bits. */
  readonly #seen = new Uint8Array(MOST_BLOCKS);

  /** Instruments the files of the project that are loaded from now on, where `wanted` says so of the path below the root. */
  constructor(wanted: (path: string) => boolean) {
    Object.assign(globalThis, { [COUNTERS]: this.#counters });
    registerHooks({
      load: (url, context, nextLoad) => {
        const path = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : '';
        if (!path.endsWith('.ts') || !wanted(path)) return nextLoad(url, context);
        const source = this.#instrumented(path, readFileSync(new URL(url), 'utf8'));
        return { format: 'module-typescript', source, shortCircuit: true };
      },
    });
  }

  /** True when what ran since the last call reached a block for the first time, or many more times than ever. */
  takeNews(): boolean {
    let news = false;
    for (let index = 0; index < this.blocks.length; index += 1) {
      const hits = this.#counters[index] as number;
      if (hits === 0) continue;
      this.#counters[index] = 0;
      const bit = magnitude(hits);
      const seen = this.#seen[index] as number;
      if ((seen & bit) !== 0) continue;
      this.#seen[index] = seen | bit;
      news = true;
    }
    return news;
  }

  /** The numbers of the blocks that were reached since the last call, in place of `takeNews`. */
  takeReached(): number[] {
    const reached: number[] = [];
    for (let index = 0; index < this.blocks.length; index += 1)
      if ((this.#counters[index] as number) > 0) reached.push(index);
    this.#counters.fill(0);
    return reached;
  }

  reached(index: number): boolean {
    return this.#seen[index] !== 0;
  }

  #instrumented(file: string, source: string): string {
    const { program, errors } = parseSync(file, source);
    if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
    const insertions: Insertion[] = [];
    const count = (at: number): string => {
      const line = source.slice(0, at).split('\n').length;
      this.blocks.push({ file, line });
      if (this.blocks.length > MOST_BLOCKS) throw new Error('too many blocks');
      return `${COUNTERS}[${this.blocks.length - 1}]++`;
    };
    visit(program as unknown as Node, (node) => mark(node, count, insertions));
    return insert(source, insertions);
  }
}

/** 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more: as a bit each. */
function magnitude(hits: number): number {
  if (hits <= 3) return 1 << (hits - 1);
  if (hits < 8) return 8;
  if (hits < 16) return 16;
  if (hits < 32) return 32;
  return hits < 128 ? 64 : 128;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const value of Object.values(node)) {
    if (isNode(value)) visit(value, see);
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) visit(item, see);
  }
}

const LOOPS = new Set(['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function mark(node: Node, count: (at: number) => string, insertions: Insertion[]): void {
  const open = (at: number, text: string): void => void insertions.push({ at, text, closing: false });
  const close = (at: number, text: string): void => void insertions.push({ at, text, closing: true });
  const statement = (body: unknown, behind = ''): void => {
    if (!isNode(body)) return;
    const block = body.type === 'BlockStatement';
    open(block ? body.start + 1 : body.start, `${block ? '' : '{'}${count(body.start)};`);
    const end = `${block ? '' : '}'}${behind}`;
    if (end !== '') close(body.end, end);
  };
  const expression = (value: unknown): void => {
    if (!isNode(value)) return;
    open(value.start, `(${count(value.start)},`);
    close(value.end, ')');
  };
  if (FUNCTIONS.has(node.type)) {
    const { body } = node;
    if (isNode(body) && node['expression'] === true) expression(body);
    else statement(body);
  } else if (LOOPS.has(node.type)) statement(node['body']);
  else if (node.type === 'IfStatement') {
    const { alternate } = node;
    statement(node['consequent'], isNode(alternate) ? '' : ` else {${count(node.end)}}`);
    statement(alternate);
  } else if (node.type === 'ConditionalExpression') {
    expression(node['consequent']);
    expression(node['alternate']);
  } else if (node.type === 'LogicalExpression') expression(node['right']);
  else if (node.type === 'CatchClause') statement(node['body']);
  else if (node.type === 'SwitchCase') {
    const first = (node['consequent'] as readonly Node[])[0];
    if (first !== undefined) open(first.start, `${count(first.start)};`);
  }
}

/** Outer nodes are marked before inner ones: what an outer one opens stands first, and what it closes last. */
function insert(source: string, insertions: readonly Insertion[]): string {
  const at = new Map<number, { closing: string; opening: string }>();
  for (const { at: place, text, closing } of insertions) {
    const texts = at.get(place) ?? { closing: '', opening: '' };
    if (closing) texts.closing = text + texts.closing;
    else texts.opening += text;
    at.set(place, texts);
  }
  let result = '';
  let done = 0;
  for (const [place, { closing, opening }] of [...at].toSorted(([a], [b]) => a - b)) {
    result += source.slice(done, place) + closing + opening;
    done = place;
  }
  return result + source.slice(done);
}
