// QPS: MPS, the card format of linear programs, with a quadratic objective (Maros and Mészáros, A repository of convex
// quadratic programming problems, Optimization Methods and Software, 1999). Sections start in the first column, their
// lines with a blank, comments with a star.
import { ArgumentError, DataError, checkOptions } from '../base/errors.js'
import { Line } from './qps-line.js'
import { type Bounds, type QpsData, QpsModel, type RowType, rowTypes } from './qps-model.js'
import { didYouMean, oneOf, quoteName, readBytes, SPACE, Source, TAB, type Text } from './source.js'

export type { QpsData } from './qps-model.js'
export type { SparseColumns } from './sparseColumns.js'

export interface QpsOptions {
  /** Bounds, ranges and right-hand sides of this size and above stand for none; default 1e20. */
  readonly infinity?: number
  /** Name of the text in error messages; default '<text>', for a file its path. */
  readonly source?: string
}

const STAR = 42
const senses: Readonly<Record<string, 'min' | 'max'>> = {
  ...{ MIN: 'min', MINIMIZE: 'min', MINIMISE: 'min' },
  ...{ MAX: 'max', MAXIMIZE: 'max', MAXIMISE: 'max' },
}

/** What each type of bound says of a variable; a function of the number where there is one. */
const boundTypes: Readonly<Record<string, Bounds | ((value: number) => Bounds)>> = {
  LO: (lower) => ({ lower }),
  UP: (upper) => ({ upper }),
  FX: (value) => ({ lower: value, upper: value }),
  FR: { lower: -Infinity, upper: Infinity },
  MI: { lower: -Infinity },
  PL: { upper: Infinity },
}
const integerBounds = ['BV', 'LI', 'UI', 'SC']

/** The sections, and which one must stand before each of them. */
const sections: Readonly<Record<string, string | undefined>> = {
  ...{ NAME: undefined, OBJSENSE: undefined, ROWS: undefined, COLUMNS: 'ROWS' },
  ...{ RHS: 'COLUMNS', RANGES: 'COLUMNS', BOUNDS: 'COLUMNS' },
  ...{ QUADOBJ: 'COLUMNS', QSECTION: 'COLUMNS', QMATRIX: 'COLUMNS', ENDATA: 'COLUMNS' },
}
const quadratic = ['QUADOBJ', 'QSECTION', 'QMATRIX']

class Reader {
  private readonly source: Source
  private readonly line: Line
  private readonly model: QpsModel
  private section = ''
  private readonly seen = new Set<string>()
  /** The name of the vector that each section gives; a second one is refused. */
  private readonly vectors = new Map<string, string>()
  /** Whether an earlier line could be read as fixed format only. */
  private fixed = false

  constructor(source: Source, infinity: number) {
    this.source = source
    this.line = new Line(source)
    this.model = new QpsModel(source, infinity)
  }

  read(): QpsData {
    const { source } = this
    for (; !source.done; source.skipLineEnd()) {
      const first = source.next
      if (first === SPACE || first === TAB) this.dataLine()
      else if (first !== STAR && !source.atLineEnd) this.header()
      source.skipLine()
    }
    if (this.section === 'ENDATA') return this.model.result()
    throw source.error('the file is truncated', {
      expected: 'ENDATA as the last line',
      received: 'the end of the file',
      remedy: 'Get the whole file, or add the line ENDATA where nothing is missing',
    })
  }

  private header(): void {
    const { source, line, model } = this
    line.splitFree()
    const keyword = line.text(0)
    if (!Object.hasOwn(sections, keyword)) {
      throw source.error(`there is no section ${quoteName(keyword)}`, {
        expected: oneOf(Object.keys(sections)),
        remedy: didYouMean(
          keyword,
          Object.keys(sections),
          'Remove it; begin the lines of a section with a blank',
        ),
      })
    }
    const before = sections[keyword]
    const other = (quadratic.includes(keyword) ? quadratic : [keyword]).find((name) => this.seen.has(name))
    if (this.seen.has('ENDATA') || other !== undefined || (before !== undefined && !this.seen.has(before))) {
      throw source.error(`section ${keyword} stands in a wrong place`, {
        expected: `each section once, ${before === undefined ? '' : `${keyword} behind ${before}, `}ENDATA last`,
        received: `${keyword} behind ${[...this.seen].at(-1) ?? 'nothing'}`,
        remedy: 'Put the sections in order, and keep one of each and one quadratic one',
      })
    }
    this.seen.add(keyword)
    this.section = keyword
    if (keyword === 'NAME') {
      const start = source.at + keyword.length
      source.skipLine()
      model.name = source.text(start, source.at).trim()
    } else if (line.count > 1) {
      if (keyword === 'OBJSENSE') this.objectiveSense(1)
      else if (keyword !== 'QSECTION' || !model.isObjective(line.text(1))) {
        throw source.error(`there is text behind ${keyword}`, {
          expected: keyword === 'QSECTION' ? 'the name of the objective' : 'the end of the line',
          received: line.show(1),
          remedy: 'Begin the lines of a section with a blank; rows cannot be quadratic',
        })
      }
    }
  }

  /** A line is free format, and where it cannot be, fixed format; one that needs the latter makes it the first choice. */
  private dataLine(): void {
    const { source, line } = this
    const start = source.at
    source.skipBlanks()
    if (source.atLineEnd) return
    let refusal: DataError | undefined
    for (const fixed of [this.fixed, !this.fixed]) {
      source.at = start
      if (fixed && !line.splitColumns()) continue
      if (!fixed) line.splitFree()
      try {
        this.statement()
        this.fixed = fixed
        return
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        refusal ??= error
      }
    }
    throw refusal as DataError
  }

  private statement(): void {
    const { source, line, model, section } = this
    switch (section) {
      case 'OBJSENSE':
        if (line.count !== 1) throw this.malformed('MIN or MAX')
        return this.objectiveSense(0)
      case 'ROWS': {
        if (line.count !== 2) throw this.malformed('a type (N, L, G or E) and a name')
        const type = line.text(0)
        if (!rowTypes.includes(type as RowType)) {
          throw source.error(`there is no row type ${quoteName(type)}`, {
            expected: oneOf(rowTypes),
            remedy: 'Correct the type',
          })
        }
        return model.addRow(type as RowType, line.text(1))
      }
      case 'COLUMNS': {
        if (line.count >= 2 && line.text(1) === "'MARKER'") {
          throw source.error('integer variables are not supported', {
            received: "a 'MARKER' line",
            remedy: 'Remove the markers to solve the relaxation in continuous variables',
          })
        }
        if (line.count !== 3 && line.count !== 5)
          throw this.malformed('a column, then a row and a number once or twice')
        const entries = this.pairs(1, 'entry')
        model.startColumn(line.text(0))
        for (const [row, value] of entries) model.addEntry(row, value)
        return
      }
      case 'RHS':
      case 'RANGES': {
        if (line.count < 2 || line.count > 5)
          throw this.malformed('a set, then a row and a number once or twice')
        const entries = this.pairs(line.count % 2, section === 'RHS' ? 'right-hand side' : 'range')
        this.vector(line.count % 2 === 1 ? line.text(0) : '')
        for (const [row, value] of entries) {
          if (section === 'RHS') model.setRightHandSide(row, value)
          else model.setRange(row, value)
        }
        return
      }
      case 'BOUNDS':
        return this.bound()
      case 'QUADOBJ':
      case 'QSECTION':
      case 'QMATRIX': {
        if (line.count !== 3) throw this.malformed('two columns and a number')
        const [i, j] = [model.columnOf(line.text(0)), model.columnOf(line.text(1))]
        return model.addQuadratic(i, j, line.number(2, 'the quadratic entry'), section === 'QMATRIX')
      }
      default:
        throw source.error(
          section === 'ENDATA' ? 'there is text behind ENDATA' : 'the line belongs to no section',
          {
            received: line.show(0),
            remedy: 'Begin the name of a section in the first column, or remove the line',
          },
        )
    }
  }

  /** TYPE [SET] COLUMN [NUMBER] */
  private bound(): void {
    const { source, line, model } = this
    const type = line.text(0)
    if (integerBounds.includes(type)) {
      throw source.error('integer and semi-continuous variables are not supported', {
        expected: oneOf(Object.keys(boundTypes)),
        received: type,
        remedy: 'Write LO and UP to solve the relaxation in continuous variables',
      })
    }
    const says = Object.hasOwn(boundTypes, type) ? boundTypes[type] : undefined
    if (says === undefined) {
      throw source.error(`there is no bound type ${quoteName(type)}`, {
        expected: oneOf(Object.keys(boundTypes)),
        remedy: 'Correct the type',
      })
    }
    const numbers = typeof says === 'function' ? 1 : 0
    // A number behind FR, MI or PL means nothing, but is often there.
    const surplus = numbers === 0 && line.count === 4 ? 1 : 0
    const names = line.count - 1 - numbers - surplus
    if (names !== 1 && names !== 2) {
      throw this.malformed(`${type}, a set, a column${numbers === 1 ? ' and a number' : ''}`)
    }
    const column = model.columnOf(line.text(names))
    const last = line.count - 1
    const what = `the bound of ${quoteName(line.text(names))}`
    const value = numbers + surplus > 0 ? line.number(last, what, 'keep') : 0
    this.vector(names === 2 ? line.text(1) : '')
    model.setBounds(column, typeof says === 'function' ? says(value) : says)
  }

  /** Rows and numbers from a word on, all read before any of them is used. */
  private pairs(from: number, what: string): (readonly [row: number, value: number])[] {
    const { line, model } = this
    const found: (readonly [number, number])[] = []
    for (let k = from; k + 1 < line.count; k += 2) {
      const name = line.text(k)
      found.push([model.row(name), line.number(k + 1, `the ${what} of row ${quoteName(name)}`)])
    }
    return found
  }

  private vector(name: string): void {
    const known = this.vectors.get(this.section) ?? name
    this.vectors.set(this.section, known)
    if (known === name) return
    throw this.source.error(`section ${this.section} has a second set`, {
      expected: `lines of the set ${quoteName(known)}`,
      received: quoteName(name),
      remedy: 'Keep the lines of one set',
    })
  }

  private objectiveSense(word: number): void {
    const name = this.line.text(word)
    const sense = Object.hasOwn(senses, name) ? senses[name] : undefined
    if (sense === undefined) {
      throw this.source.error(`there is no sense ${quoteName(name)}`, {
        expected: oneOf(Object.keys(senses)),
        remedy: 'Write MIN or MAX',
      })
    }
    this.model.sense = sense
  }

  private malformed(expected: string): DataError {
    const { source } = this
    const start = source.at
    source.skipLine()
    return source.error(`a line of section ${this.section} is malformed`, {
      expected,
      received: source.show(start, source.at),
      remedy: 'Correct the line; names that hold blanks need the columns of fixed format',
    })
  }
}

/**
 * Parses QPS text in free or fixed format; a line that cannot be free format is read by the columns of fixed format.
 * Rules where readers differ: variables lie in [0, ∞) unless bounded; an upper bound below 0 without a lower bound makes
 * that −∞ (as CPLEX, Gurobi, HiGHS and SAS read it; at 0 it stays 0); a range R of an E row is [b, b + R], or [b + R, b]
 * where R < 0; a right-hand side of the objective is minus its constant; QUADOBJ and QSECTION hold one triangle,
 * QMATRIX both; the objective is the first N row, and further ones are left out.
 * @throws {DataError} with line and remedy: integer variables, unknown sections, rows or columns, what is given twice,
 *   wrong numbers, bounds that admit no value, a matrix that is not symmetric, a truncated text.
 * @throws {ArgumentError} for a wrong option.
 */
export const parseQps = (text: Text, options: QpsOptions = {}): QpsData => {
  checkOptions('QPS reader', options, ['infinity', 'source'])
  const { infinity = 1e20 } = options
  if (!(infinity > 0)) {
    throw new ArgumentError('QPS reader: option "infinity" is wrong', {
      expected: 'a positive number',
      received: String(infinity),
      remedy: 'Leave it out, or pass Infinity to take every number as it is',
    })
  }
  return new Reader(new Source(text, options.source ?? '<text>'), infinity).read()
}

/**
 * Reads the QPS file at `path`; see {@link parseQps}.
 * @throws {DataError} also when the file is missing or cannot be read.
 */
export const readQps = async (path: string, options: QpsOptions = {}): Promise<QpsData> =>
  parseQps(await readBytes(path), { source: path, ...options })
