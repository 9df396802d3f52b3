// Reading a study file: its text or module, the values given beside it, and what it means.
import { open } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { DataError } from '../../base/errors.js'
import { loadModule } from '../problem/module.js'
import { StudyError, shownPath } from './fault.js'
import type { Fault, Flaw, Path } from './fault.js'
import { override } from './overrides.js'
import type { Override } from './overrides.js'
import { plainCopy } from './plainCopy.js'
import { resolveStudy } from './resolve.js'
import { readText } from './sourceText.js'
import type { SourceText } from './sourceText.js'
import type { StudySpecification } from './specification.js'
import { limits } from './textLimits.js'

export interface ParsedStudy {
  readonly specification: StudySpecification
  /** The error that tells what else is wrong with the file, found later, with the lines. */
  readonly refusal: (flaws: readonly Flaw[]) => StudyError
}

export interface ReadStudy extends ParsedStudy {
  /** The text of the file. */
  readonly source: string
  /** Where it lies: paths in it are relative to this. */
  readonly folder: string
}

export interface ParseOptions {
  /** For messages; default 'study.yaml'. */
  readonly file?: string
  /** Default 'yaml'. */
  readonly format?: 'yaml' | 'json'
  /** 'key=value' */
  readonly overrides?: readonly string[]
}

/** Where the flaws of a study stand: in a value given beside the file, or in its text, where there is one. */
class Places {
  private readonly file: string
  private readonly text: Pick<SourceText, 'position' | 'has'> | undefined
  private readonly overrides: readonly Override[]

  constructor(
    file: string,
    text: Pick<SourceText, 'position' | 'has'> | undefined,
    overrides: readonly Override[],
  ) {
    this.file = file
    this.text = text
    this.overrides = overrides
  }

  private overrideAt(path: Path): Override | undefined {
    const begins = (long: Path, short: Path): boolean =>
      short.every((part, i) => String(long[i]) === String(part))
    const inFile = this.text?.has(path) ?? false
    // One that is a part of what is wrong counts where it stands right below, or made it.
    return this.overrides.findLast(
      ({ path: own }) =>
        begins(path, own) || (begins(own, path) && (!inFile || own.length === path.length + 1)),
    )
  }

  /** One entry may be written without a list. */
  private written(path: Path): Path {
    const alone = typeof path.at(-1) === 'number' && this.text?.has(path) === false
    return alone && this.text.has(path.slice(0, -1)) ? path.slice(0, -1) : path
  }

  fault({ path: meant, message, atKey = false }: Flaw): Fault {
    const path = this.written(meant)
    const told = { path: shownPath(path), message }
    const given = path.length === 0 ? undefined : this.overrideAt(path)
    if (given !== undefined) return { place: `-s ${given.text}`, ...told }
    const position = this.text?.position(path, atKey)
    if (position === undefined) return { place: this.file, ...told }
    const { line, column } = position
    return { place: `${this.file}:${String(line)}:${String(column)}`, line, column, ...told }
  }
}

const meaning = (
  file: string,
  given: unknown,
  text: SourceText | undefined,
  overrides: readonly string[],
): ParsedStudy => {
  const { data, overrides: applied, flaws: wrong } = override(given, overrides)
  const places = new Places(file, text, applied)
  const refusal = (flaws: readonly Flaw[]): StudyError =>
    StudyError.of(flaws.map((flaw) => places.fault(flaw)))
  const { specification, flaws } = resolveStudy(data)
  const faults = [
    ...(text?.flaws ?? []).map(({ path, message, position: { line, column } }) => ({
      ...{ place: `${file}:${String(line)}:${String(column)}`, line, column },
      ...{ path: shownPath(path), message },
    })),
    ...wrong.map(({ override: own, message }) => ({ place: `-s ${own}`, path: '', message })),
    ...(text !== undefined && text.data === undefined ? [] : flaws.map((flaw) => places.fault(flaw))),
  ]
  if (faults.length > 0 || specification === undefined) throw StudyError.of(faults)
  return { specification, refusal }
}

/**
 * What the text of a study file means.
 * @throws {StudyError} that lists everything that is wrong, with line and column.
 */
export const parseStudy = (text: string, options: ParseOptions = {}): ParsedStudy => {
  const { file = 'study.yaml', format = 'yaml', overrides = [] } = options
  const source = readText(text, format)
  return meaning(file, source.data, source, overrides)
}

/** What a module that exports a study by default means. */
export const parseStudyObject = (
  exported: unknown,
  { file = 'study.ts', overrides = [] }: Omit<ParseOptions, 'format'> = {},
): ParsedStudy => {
  const { data, flaws } = plainCopy(exported)
  if (flaws.length > 0) throw StudyError.of(flaws.map((flaw) => new Places(file, undefined, []).fault(flaw)))
  return meaning(file, data, undefined, overrides)
}

const wrongFile = (file: string, message: string): StudyError =>
  StudyError.of([{ place: file, path: '', message }])

const contents = async (file: string): Promise<string> => {
  let handle
  try {
    handle = await open(file, 'r')
    const { size } = await handle.stat()
    if (size > limits.size) {
      throw wrongFile(file, `expected at most ${String(limits.size)} bytes; received ${String(size)}`)
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(await handle.readFile())
  } catch (error) {
    if (error instanceof StudyError) throw error
    if (error instanceof TypeError) throw wrongFile(file, 'the text is no UTF-8')
    const { code = '', message } = error as NodeJS.ErrnoException
    throw wrongFile(
      file,
      code === 'ENOENT' ? 'no such file; onestep init writes one' : `cannot be read: ${message}`,
    )
  } finally {
    await handle?.close()
  }
}

/**
 * Reads a study file: .yaml, .yml, .json, or a module (.ts, .js, .mjs …), which is run.
 * @throws {StudyError} that lists everything that is wrong, with line and column.
 */
export const readStudy = async (
  file: string,
  options: { readonly overrides?: readonly string[] } = {},
): Promise<ReadStudy> => {
  const { overrides = [] } = options
  const folder = dirname(resolve(file))
  const source = await contents(file)
  const ending = extname(file).toLowerCase()
  if (ending === '.yaml' || ending === '.yml' || ending === '.json') {
    const format = ending === '.json' ? 'json' : 'yaml'
    return { ...parseStudy(source, { file, format, overrides }), source, folder }
  }
  if (!/^\.[cm]?[jt]s$/.test(ending)) {
    throw wrongFile(file, 'expected a name that ends with .yaml, .yml, .json, .ts or .js')
  }
  try {
    const exported = await loadModule(file, { what: 'a study' })
    return { ...parseStudyObject(exported, { file, overrides }), source, folder }
  } catch (error) {
    if (error instanceof DataError && !(error instanceof StudyError)) throw wrongFile(file, error.what)
    throw error
  }
}
