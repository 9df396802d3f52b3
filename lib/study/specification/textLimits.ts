// How much a study file may hold. A reader of YAML takes time that grows with the square of the depth, and ends the process where that is
// beyond reason, so this is looked at first, token by token.
import { Lexer } from 'yaml'

/** Limits: characters of a text, its tokens, values that aliases make of it, aliases, and levels. */
export const limits = { size: 2 ** 20, tokens: 400_000, values: 100_000, aliases: 100, depth: 32 } as const

/** How many blocks are open at a column: those that begin to the right of it have ended. */
class Blocks {
  private readonly columns: number[] = []

  open(column: number): number {
    while ((this.columns.at(-1) ?? -1) >= column) this.columns.pop()
    return this.columns.push(column)
  }
}

/** Why a text is not read, and from which character on; undefined where it may be. */
export const tooMuch = (text: string): { readonly offset: number; readonly message: string } | undefined => {
  if (text.length > limits.size) {
    const received = String(text.length)
    return {
      offset: 0,
      message: `expected a text of at most ${String(limits.size)} characters; received ${received}`,
    }
  }
  const blocks = new Blocks()
  let [count, offset, lineStart, before, flow] = [0, 0, 0, 0, 0]
  for (const token of new Lexer().lex(text)) {
    const column = offset - lineStart
    let depth = flow
    if (token === '[' || token === '{') depth = ++flow
    else if (token === ']' || token === '}') flow = Math.max(0, flow - 1)
    else if (flow === 0 && (token === '-' || token === '?')) depth = blocks.open(column)
    else if (flow === 0 && token === ':') depth = blocks.open(before)
    if (++count > limits.tokens) {
      return { offset, message: `expected at most ${String(limits.tokens)} words and signs` }
    }
    // The columns of signs are a coarse measure; values are counted exactly when they are read.
    if (depth > 2 * limits.depth)
      return { offset, message: `expected at most ${String(limits.depth)} levels` }
    if (token.trim() !== '') before = column
    // What marks documents and scalars for the parser is no part of the text.
    if (!marks.has(token)) offset += token.length
    const newline = token.lastIndexOf('\n')
    if (newline >= 0) lineStart = offset - (token.length - 1 - newline)
  }
  return undefined
}

const marks: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f'])
