// Studies in memory as run directories.
import type { StudySource } from '../../../lib/study/page/source.js'
import type { Block } from '../../../lib/study/store/block.js'
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import { chunkCount, chunkRange } from '../../../lib/study/store/manifest.js'
import { createRun, type RunDirectory } from '../../../lib/study/store/runDirectory.js'

/** Rows lo … hi − 1 of blocks in order, as one block. */
const rowsOf = async (source: StudySource, lo: number, hi: number): Promise<Block | undefined> => {
  let begin = 0
  for await (const block of source.blocks) {
    const end = begin + block.rows
    if (begin <= lo && hi <= end) {
      return {
        rows: hi - lo,
        columns: block.columns,
        data: block.data.map((numbers, c) => {
          if ('offsets' in numbers) {
            const offsets = numbers.offsets.slice(lo - begin, hi - begin + 1)
            const from = offsets[0] ?? 0
            return {
              offsets: offsets.map((o) => o - from),
              values: numbers.values.slice(from, offsets[hi - lo]),
            }
          }
          const size = (block.columns[c]?.shape ?? []).reduce((a, b) => a * b, 1)
          return numbers.slice((lo - begin) * size, (hi - begin) * size)
        }),
      }
    }
    begin = end
  }
  return undefined
}

/** Stores a chunk of a study. */
export const storeChunk = async (run: RunDirectory, source: StudySource, chunk: number): Promise<void> => {
  const { lo, hi } = chunkRange(run.manifest, chunk)
  const block = await rowsOf(source, lo, hi)
  if (block === undefined) throw new Error(`no block holds rows ${String(lo)} to ${String(hi)}`)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk({ manifestId: run.manifest.id, chunk, lo, hi }, block))
  await run.publish(chunk, part)
}

/** Makes a run directory of a study; chunks of which `has` is false are missing. */
export const writeRun = async (
  dir: string,
  source: StudySource,
  has: (chunk: number) => boolean = () => true,
): Promise<RunDirectory> => {
  const files =
    source.environment === undefined ? {} : { 'environment.json': JSON.stringify(source.environment) }
  const run = await createRun(dir, source.manifest, { blobs: new Map(), files })
  for (let chunk = 0; chunk < chunkCount(run.manifest); chunk++) {
    if (has(chunk)) await storeChunk(run, source, chunk)
  }
  return run
}
