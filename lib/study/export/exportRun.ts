// The rows of a study in one file for other programs, in the order of their numbers: the bytes do not depend on the order in which
// they were computed. A few row groups are in memory, however many rows there are.
import { ArgumentError, checkOptions, OnestepError } from '../../base/errors.js'
import type { FileSystem } from '../store/files.js'
import type { Column } from '../store/block.js'
import type { Block } from '../store/block.js'
import type { Manifest } from '../store/manifest.js'
import type { RunDirectory } from '../store/runDirectory.js'
import { ParquetRows } from './parquet.js'
import { selectRows } from './selection.js'
import type { Selection } from './selection.js'
import { StreamedFile } from './streamedFile.js'
import { csvRows, jsonLineRows } from './textRows.js'
import type { TextRows } from './textRows.js'

export const exportFormats = ['csv', 'jsonl', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportOptions extends Selection {
  readonly format: ExportFormat
  /** The file; default export.csv, export.jsonl or export.parquet in the run directory. */
  readonly out?: string
  /** Writes what is there when rows are missing; default false: nothing is written then. */
  readonly partial?: boolean
  readonly signal?: AbortSignal
  /** Called after each chunk. */
  readonly onProgress?: (progress: ExportProgress) => void
  /** Default: that of this machine. */
  readonly fileSystem?: FileSystem
}

export interface ExportProgress {
  /** Rows read, and those of the whole study in the chosen variants. */
  readonly done: number
  readonly total: number
}

export interface ExportReport {
  /** undefined where nothing was written because rows are missing. */
  readonly path: string | undefined
  /** Written. */
  readonly rows: number
  /** Rows of the study that have not been computed yet. */
  readonly missing: number
  readonly bytes: number
}

/** Makes bytes of blocks. */
interface Encoder {
  readonly begin: () => Iterable<Uint8Array>
  readonly add: (block: Block) => Iterable<Uint8Array>
  readonly finish: () => Iterable<Uint8Array>
}

const text = ({ head, rows }: TextRows): Encoder => {
  const utf8 = new TextEncoder()
  return {
    begin: () => [utf8.encode(head)],
    add: (block) => [utf8.encode(rows(block))],
    finish: () => [],
  }
}

const encoders: Readonly<Record<ExportFormat, (columns: readonly Column[], manifest: Manifest) => Encoder>> =
  {
    csv: (columns) => text(csvRows(columns)),
    jsonl: (columns) => text(jsonLineRows(columns)),
    parquet: (columns, { id, specification: { name }, onestep }) => {
      const rows = new ParquetRows(columns, { 'onestep.study': name, 'onestep.id': id, onestep })
      return { begin: () => [], add: (block) => rows.add(block), finish: () => rows.finish() }
    },
  }

/** Rows of the chosen variants for which there is no chunk. */
export const missingRows = async (run: RunDirectory, variants?: readonly string[]): Promise<number> => {
  const done = await run.done()
  let missing = 0
  for (const [chunk, flag] of done.entries()) {
    const { variant, lo, hi } = run.range(chunk)
    const { name } = run.manifest.variants[variant] as Manifest['variants'][number]
    if (flag === 0 && (variants === undefined || variants.includes(name))) missing += hi - lo
  }
  return missing
}

/**
 * Writes the chosen rows to a file, which is there whole or not at all. Where rows are missing nothing is written, unless `partial`
 * says that they may be.
 * @throws {ArgumentError} for a column, variant, status or format that there is not
 */
export const exportRun = async (run: RunDirectory, options: ExportOptions): Promise<ExportReport> => {
  checkOptions('exportRun', options, [
    'format',
    'out',
    'partial',
    'columns',
    'variants',
    'statuses',
    'signal',
    'onProgress',
    'fileSystem',
  ])
  const { format, out, partial = false, signal, onProgress, fileSystem, ...selection } = options
  if (!exportFormats.includes(format)) {
    throw new ArgumentError('exportRun: option format', {
      expected: `one of ${exportFormats.join(', ')}`,
      received: String(format),
    })
  }
  const selected = selectRows(run, selection)
  const missing = await missingRows(run, selection.variants)
  if (missing > 0 && !partial) return { path: undefined, rows: 0, missing, bytes: 0 }
  const encoder = encoders[format](selected.columns, run.manifest)
  const file = await StreamedFile.begin(out ?? run.path(`export.${format}`), fileSystem)
  try {
    let [rows, done] = [0, 0]
    for (const piece of encoder.begin()) await file.write(piece)
    for await (const { block, seen } of selected.blocks()) {
      if (signal?.aborted === true) {
        throw new OnestepError('the export was interrupted', {
          code: 'ERR_ABORTED',
          remedy: 'Nothing was written; start it again',
        })
      }
      for (const piece of encoder.add(block)) await file.write(piece)
      rows += block.rows
      done += seen
      onProgress?.({ done, total: selected.total })
    }
    for (const piece of encoder.finish()) await file.write(piece)
    // A chunk that turned out to be damaged on the way is missing, too.
    const lost = selected.total - done
    if (lost > 0 && !partial) {
      await file.abandon()
      return { path: undefined, rows: 0, missing: lost, bytes: 0 }
    }
    await file.finish()
    return { path: file.path, rows, missing: lost, bytes: file.bytes }
  } catch (error) {
    await file.abandon()
    throw error
  }
}
