// The words of an ARFF text and its header: @relation, @attribute lines, @data.
import { APOSTROPHE, COMMA, CR, END, LF, QUOTE, quoteName, type Source, SPACE, TAB } from './source.js'

/** A column: numbers, or one of the named values, stored as its position in `values`. */
export type ArffAttribute =
  | { readonly name: string; readonly kind: 'numeric' }
  | { readonly name: string; readonly kind: 'nominal'; readonly values: readonly string[] }

export const PERCENT = 37
const AT = 64
const BACKSLASH = 92
export const OPEN = 123
const CLOSE = 125

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** A word of the text: where its characters lie, and the text itself only where quotes or escapes hide it. */
export interface Word {
  start: number
  end: number
  quoted: string | undefined
}

const BOUNDARIES = new Uint8Array(256)
for (const c of [COMMA, LF, CR, SPACE, TAB, OPEN, CLOSE, PERCENT]) BOUNDARIES[c] = 1
const isBoundary = (c: number): boolean => BOUNDARIES[c] === 1

/** Reads one word, bare up to a blank, comma, brace or comment, or in single or double quotes with backslashes. */
export const readWord = (source: Source, word: Word): void => {
  const { bytes } = source
  const mark = source.next
  word.start = source.at
  if (mark !== QUOTE && mark !== APOSTROPHE) {
    let i = source.at
    while (i < bytes.length && !isBoundary(bytes[i] ?? END)) i++
    source.at = word.end = i
    word.quoted = undefined
    return
  }
  let text = ''
  let from = ++source.at
  for (; source.next !== mark; source.at++) {
    if (source.atLineEnd) {
      throw source.error('a quote is not closed', {
        received: source.show(word.start, source.at),
        remedy: 'Close it on the same line; write a quote inside as \\" or \\\'',
      })
    }
    if (source.next !== BACKSLASH) continue
    text += source.text(from, source.at++)
    if (source.atLineEnd) {
      source.at--
      from = source.at
      continue
    }
    const escaped = String.fromCharCode(source.next)
    const plain = ESCAPES[escaped]
    if (plain !== undefined) text += plain
    from = plain === undefined ? source.at : source.at + 1
  }
  word.quoted = text + source.text(from, source.at)
  word.end = ++source.at
  if (source.atLineEnd || isBoundary(source.next)) return
  throw source.error('there is text behind a closing quote', {
    expected: 'a comma, a blank or the end of the line',
    received: source.show(word.start, word.end + 1),
    remedy: 'Write a quote inside as \\" or \\\'',
  })
}

export const textOf = (source: Source, word: Word): string => word.quoted ?? source.text(word.start, word.end)

/** Steps over blanks, comments and empty lines. */
export const skipToText = (source: Source): void => {
  for (;;) {
    source.skipBlanks()
    if (source.next === PERCENT) source.skipLine()
    if (source.done || !source.atLineEnd) return
    source.skipLineEnd()
  }
}

/** Nothing but a comment may follow on this line. */
const expectLineEnd = (source: Source, after: string): void => {
  source.skipBlanks()
  if (source.next === PERCENT) source.skipLine()
  if (source.atLineEnd) return
  const start = source.at
  source.skipLine()
  throw source.error(`there is text behind ${after}`, {
    expected: 'the end of the line',
    received: source.show(start, source.at),
    remedy: 'Put names that hold blanks or commas in quotes',
  })
}

const readName = (source: Source, word: Word, of: string): string => {
  source.skipBlanks()
  if (source.atLineEnd || source.next === PERCENT) {
    throw source.error(`${of} has no name`, { remedy: `Write a name behind ${of}` })
  }
  readWord(source, word)
  return textOf(source, word)
}

const readNominal = (source: Source, name: string, word: Word): readonly string[] => {
  const values: string[] = []
  source.at++
  for (;;) {
    source.skipBlanks()
    if (source.next === CLOSE) break
    if (source.atLineEnd || source.next === OPEN || source.next === PERCENT || source.next === COMMA) {
      throw source.error(`the values of attribute ${quoteName(name)} are malformed`, {
        expected: '{first,second,…} on one line',
        received: source.atLineEnd ? 'the end of the line' : source.show(source.at, source.at + 1),
        remedy: 'Close the brace, and quote values with special characters',
      })
    }
    readWord(source, word)
    values.push(textOf(source, word))
    source.skipBlanks()
    if (source.next === COMMA) source.at++
  }
  source.at++
  return values
}

const KINDS = ['numeric', 'real', 'integer']

const readAttribute = (source: Source, word: Word): ArffAttribute => {
  const name = readName(source, word, '@attribute')
  source.skipBlanks()
  if (source.next === OPEN) {
    const values = readNominal(source, name, word)
    if (values.length === 0 || new Set(values).size < values.length) {
      throw source.error(
        `attribute ${quoteName(name)} has ${values.length === 0 ? 'no values' : 'a value twice'}`,
        {
          expected: '{first,second,…}',
          remedy: 'List each value once',
        },
      )
    }
    return { name, kind: 'nominal', values }
  }
  readWord(source, word)
  const type = textOf(source, word)
  if (!KINDS.includes(type.toLowerCase())) {
    throw source.error(`attribute ${quoteName(name)} has type ${source.show(word.start, word.end)}`, {
      expected: 'numeric, real, integer or {first,second,…}',
      remedy: 'Remove string, date and relational attributes, or turn them into nominal ones',
    })
  }
  return { name, kind: 'numeric' }
}

/** Reads up to and with the line "@data". */
export const readHeader = (source: Source): { relation: string; attributes: ArffAttribute[] } => {
  const word: Word = { start: 0, end: 0, quoted: undefined }
  const attributes: ArffAttribute[] = []
  const names = new Set<string>()
  let relation = ''
  for (;;) {
    skipToText(source)
    if (source.done) {
      throw source.error('there is no @data line', {
        expected: '@relation, @attribute lines, @data, then the rows',
        remedy: 'Check that this is an ARFF file and not cut short',
      })
    }
    readWord(source, word)
    const keyword = textOf(source, word).toLowerCase()
    if (keyword === '@data') {
      expectLineEnd(source, '@data')
      return { relation, attributes }
    }
    if (keyword === '@relation') {
      relation = readName(source, word, '@relation')
      expectLineEnd(source, 'the name of the relation')
    } else if (keyword === '@attribute') {
      const attribute = readAttribute(source, word)
      expectLineEnd(source, `attribute ${quoteName(attribute.name)}`)
      if (names.has(attribute.name)) {
        throw source.error(`attribute ${quoteName(attribute.name)} appears twice`, {
          remedy: 'Rename one of the two',
        })
      }
      names.add(attribute.name)
      attributes.push(attribute)
    } else {
      const start = word.start
      source.skipLine()
      throw source.error('a line of the header is unknown', {
        expected: '@relation, @attribute, @data or a comment (%)',
        received: source.show(start, source.at),
        remedy: source.bytes[start] === AT ? 'Correct the keyword' : 'The rows begin behind the line @data',
      })
    }
  }
}
