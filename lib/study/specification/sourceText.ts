// The text of a study file as plain data, with the place of everything in it. YAML 1.2, of which JSON is a part: `no` is a word and
// not false. What such a text can do beside saying data is refused: keys that mean something to JavaScript, aliases and nesting
// beyond reason, other tags, directives, several documents.
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import { quoted } from './fault.js'
import type { Flaw, Path } from './fault.js'
import { limits, tooMuch } from './textLimits.js'

export interface Position {
  readonly line: number
  readonly column: number
}

/** A flaw of the text itself, whose place is known. */
export interface TextFlaw extends Flaw {
  readonly position: Position
}

export interface SourceText {
  readonly data: unknown
  readonly flaws: readonly TextFlaw[]
  /** Where the value of a path stands, or its key; where there is none, where the closest thing around it stands. */
  readonly position: (path: Path, atKey: boolean) => Position
  /** Whether something stands at a path. */
  readonly has: (path: Path) => boolean
}

/** Keys that objects of JavaScript have by themselves. */
export const hostileKeys: readonly string[] = ['__proto__', 'constructor', 'prototype']

/** What is wrong with a key. Those that begin with $ are marks of the files that a study is kept in. */
export const keyFlaw = (key: string, path: Path): string | undefined => {
  if (hostileKeys.includes(key)) return 'this key is not allowed'
  return key.startsWith('$') && path.length > 0 ? 'a key cannot begin with $' : undefined
}

const start: Position = { line: 1, column: 1 }

// eslint-disable-next-line no-control-regex -- these are what YAML forbids
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/

/** Faults of the text of which more would not help. */
const mostTold = 20

/** Messages of the YAML reader that say too little. */
const messages: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  MULTIPLE_DOCS: 'expected one document; a line with --- begins another one',
  NON_STRING_KEY: 'expected a key that is a word',
  TAG_RESOLVE_FAILED: 'a study file has no tags of its own; remove what begins with !',
}

interface Failure {
  readonly data: undefined
  readonly flaws: readonly TextFlaw[]
}

const failed = (...flaws: readonly (readonly [Position, string])[]): SourceText & Failure => ({
  data: undefined,
  flaws: flaws.map(([position, message]) => ({ path: [], message, position })),
  position: () => start,
  has: () => false,
})

const offsetPosition = (text: string, offset: number): Position => {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) as string).length + 1 }
}

/** Where an error of JSON.parse stands: some say the position, some show what stands around it. */
const jsonOffset = (text: string, message: string): number => {
  const position = /position (\d+)/.exec(message)?.[1]
  if (position !== undefined) return Number(position)
  const [, token = '', dots, around] =
    /^Unexpected token '(.+?)', (\.\.\.)?"(.*)"(?:\.\.\.)? is not/s.exec(message) ?? []
  if (around === undefined) return text.length
  return text.indexOf(around) + (dots === undefined ? around.indexOf(token) : shownBefore)
}

/** How many characters in front of a wrong one such a message shows. */
const shownBefore = 10

/** What JSON.parse finds wrong. */
const jsonFlaw = (text: string): readonly [Position, string] | undefined => {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const said = message.replace(/(?:,? (?:in JSON )?at position|, (?:\.\.\.)?").*/s, '')
    return [offsetPosition(text, jsonOffset(text, message)), `this is no JSON: ${said}`]
  }
}

/** The plain data of a document. */
class Reader {
  readonly flaws: TextFlaw[] = []
  stopped = false
  private values = 0

  private readonly document: Document
  private readonly lines: LineCounter

  constructor(document: Document, lines: LineCounter) {
    this.document = document
    this.lines = lines
  }

  place(node: Node | null | undefined): Position {
    const range = node?.range
    if (range === undefined || range === null) return start
    const { line, col } = this.lines.linePos(range[0])
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  private flaw(node: Node, path: Path, message: string): undefined {
    this.flaws.push({ path, message, position: this.place(node) })
    return undefined
  }

  /** What is left of the text means nothing. */
  private tooMuch(node: Node, message: string): undefined {
    if (!this.stopped) this.flaw(node, [], message)
    this.stopped = true
    return undefined
  }

  read(node: unknown, path: Path): unknown {
    if (this.stopped) return undefined
    if (node === null || node === undefined) return null
    const here = node as Node
    if (++this.values > limits.values) {
      return this.tooMuch(here, `expected at most ${String(limits.values)} values; aliases count each time`)
    }
    if (path.length > limits.depth) {
      return this.tooMuch(here, `expected at most ${String(limits.depth)} levels`)
    }
    if (isAlias(node)) {
      const anchored = node.resolve(this.document)
      return anchored === undefined
        ? this.flaw(here, path, `there is no anchor &${node.source} above`)
        : this.read(anchored, path)
    }
    if (isScalar(node)) return node.value
    if (isSeq(node)) return node.items.map((item, i) => this.read(item, [...path, i]))
    return isMap(node) ? this.readMap(node.items, path) : null
  }

  private readMap(items: readonly Pair[], path: Path): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    for (const { key: keyNode, value } of items) {
      if (!isScalar(keyNode)) {
        this.flaw(keyNode as Node, path, 'expected a key that is a word')
        continue
      }
      const key = String(keyNode.value)
      const wrong = keyFlaw(key, path)
      if (wrong !== undefined) this.flaw(keyNode, [...path, key], wrong)
      else if (key === '<<') this.flaw(keyNode, [...path, key], 'YAML 1.2 merges nothing; write the keys out')
      else if (Object.hasOwn(out, key)) this.flaw(keyNode, [...path, key], 'this key stands here twice')
      else out[key] = this.read(value, [...path, key])
    }
    return out
  }
}

/** The nodes at the end of a path, as far as it goes. */
const nodesAt = (document: Document, path: Path): { key?: Node; value?: Node; found: number } => {
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  let at: { key?: Node; value?: Node; found: number } = {
    ...(document.contents === null ? {} : { value: document.contents }),
    found: 0,
  }
  for (const part of path) {
    const within = resolved(at.value)
    if (isMap(within) && typeof part === 'string') {
      const pair = within.items.find(({ key }) => isScalar(key) && String(key.value) === part)
      if (pair === undefined) return at
      const value = pair.value as Node | null
      at = { key: pair.key as Node, ...(value === null ? {} : { value }), found: at.found + 1 }
    } else if (isSeq(within) && typeof part === 'number' && within.items[part] !== undefined) {
      at = { value: within.items[part] as Node, found: at.found + 1 }
    } else return at
  }
  return at
}

const isEmpty = (node: Node | undefined): boolean =>
  node?.range === undefined || node.range === null || node.range[0] === node.range[1]

/** Reads a text. What is wrong with it is in `flaws`: this throws nothing. */
export const readText = (text: string, format: 'yaml' | 'json'): SourceText => {
  const bad = control.exec(text)
  if (bad !== null) {
    const code = bad[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    return failed([offsetPosition(text, bad.index), `the character U+${code} is not allowed`])
  }
  const much = tooMuch(text)
  if (much !== undefined) return failed([offsetPosition(text, much.offset), much.message])
  const json = format === 'json' ? jsonFlaw(text) : undefined
  if (json !== undefined) return failed(json)
  const lines = new LineCounter()
  const document: Document = parseDocument(text, {
    ...{ lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: false, stringKeys: true },
    ...{ version: '1.2', schema: 'core', logLevel: 'error', resolveKnownTags: false },
  })
  const told = [...document.errors.slice(0, mostTold), ...document.warnings.slice(0, mostTold)]
  if (told.length > 0) {
    return failed(
      ...told.map(({ code, message, pos }): readonly [Position, string] => {
        const { line, col } = lines.linePos(pos[0])
        return [{ line: Math.max(1, line), column: Math.max(1, col) }, messages[code] ?? message]
      }),
    )
  }
  const { yaml } = document.directives ?? {}
  if (yaml?.explicit === true && yaml.version !== '1.2') {
    return failed([start, `expected YAML 1.2; received YAML ${quoted(yaml.version)}`])
  }
  let aliases = 0
  visit(document, { Alias: () => (++aliases > limits.aliases ? visit.BREAK : undefined) })
  if (aliases > limits.aliases) return failed([start, `expected at most ${String(limits.aliases)} aliases`])
  if (document.contents === null) return failed([start, 'there is nothing in the file; expected a study'])
  const reader = new Reader(document, lines)
  const data = reader.read(document.contents, [])
  return {
    data: reader.stopped ? undefined : data,
    flaws: reader.flaws,
    has: (path) => nodesAt(document, path).found === path.length,
    position: (path, atKey) => {
      const { key, value, found } = nodesAt(document, path)
      const atValue = found === path.length && !atKey && !isEmpty(value)
      return reader.place(atValue ? value : (key ?? value))
    },
  }
}
