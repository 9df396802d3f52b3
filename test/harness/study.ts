// Studies for tests: from a few lines of YAML to a run directory in a folder that is thrown away.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareStudy } from '../../lib/study/prepare.js'
import type { PreparedStudy } from '../../lib/study/prepare.js'
import { loadStudyProblem } from '../../lib/study/problem/load.js'
import { parseStudy } from '../../lib/study/specification/read.js'
import type { Block, ColumnData } from '../../lib/study/store/block.js'
import { createRun } from '../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../lib/study/store/runDirectory.js'

/** What a test tears down after itself. */
export interface Teardown {
  teardown(undo: () => unknown): void
}

/** A folder that is gone after the test. */
export const temporaryFolder = async (t: Teardown): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'onestep-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Traces the study of a text. */
export const prepared = async (text: string): Promise<PreparedStudy> => {
  const parsed = parseStudy(text)
  const { specification } = parsed
  return prepareStudy(parsed, await loadStudyProblem(specification.problem, { folder: '.' }), '0.0.0')
}

/** A run directory of it, with chunks of so many rows. */
export const newRun = async (
  t: Teardown,
  text: string,
  chunkRows: number,
  dir?: string,
): Promise<RunDirectory> => {
  const { manifest, blobs } = await prepared(text)
  return createRun(dir ?? join(await temporaryFolder(t), 'run'), { ...manifest, chunkRows }, { blobs })
}

/** The bits of a column. */
export const bitsOf = (data: ColumnData): string =>
  ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')
    : `${bitsOf(data.offsets)} ${bitsOf(data.values)}`

/** The numbers or codes of a column by its name. */
export const column = (block: Block, name: string): Float64Array | Uint8Array => {
  const data = block.data[block.columns.findIndex((entry) => entry.name === name)]
  if (data === undefined || !ArrayBuffer.isView(data)) throw new Error(`no column ${name} of numbers`)
  return data
}

/** Bits of all rows of a run, column after column, without what differs from run to run. */
export const rowBits = async (run: RunDirectory): Promise<string> => {
  const columns = run.manifest.columns.map(({ name }) => name).filter((name) => name !== 'seconds')
  const parts: string[] = []
  for await (const { data } of run.blocks({ columns })) parts.push(data.map(bitsOf).join('\n'))
  return parts.join('\n')
}
