// Chunk files of workers that share no folder with whoever runs the study: they wait at the broker until they are collected.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { OnestepError } from '../base/errors.js'
import { explained } from '../study/store/durable.js'
import { chunkCount } from '../study/store/manifest.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import type { ChunkName } from './job.js'
import type { ObjectStore, StoredObject } from './objectStore.js'

const groupOf = (study: string): string => `chunks-${study}`

export interface Delivery extends StoredObject {
  readonly chunk: number
}

/** What waits to be collected. */
export const deliveries = async (objects: ObjectStore, study: string): Promise<readonly Delivery[]> => {
  const stored = await objects.list(groupOf(study))
  return stored.flatMap(({ name, bytes }) => {
    const [, chunk] = /^(\d{6,15})-[0-9a-f]{16}$/.exec(name) ?? []
    return chunk === undefined ? [] : [{ name, bytes, chunk: Number(chunk) }]
  })
}

/** Hands in the file of a chunk. Each delivery has a name of its own: two workers never write to the same one. */
export const deliver = async (objects: ObjectStore, at: ChunkName, file: string): Promise<void> => {
  const name = `${String(at.chunk).padStart(6, '0')}-${randomBytes(8).toString('hex')}`
  await objects.put({ group: groupOf(at.study), name }, createReadStream(file, { highWaterMark: 2 ** 20 }))
}

/** Takes a delivery into the run directory: 'damaged' where it is no such chunk, or is no longer whole. */
export const collect = async (
  objects: ObjectStore,
  run: RunDirectory,
  { name, chunk }: Delivery,
): Promise<'written' | 'kept' | 'damaged'> => {
  const at = { group: groupOf(run.manifest.id), name }
  const known = chunk < chunkCount(run.manifest)
  const outcome = known ? await take(objects, run, at, chunk) : 'damaged'
  await objects.remove(at)
  return outcome
}

const take = async (
  objects: ObjectStore,
  run: RunDirectory,
  at: { readonly group: string; readonly name: string },
  chunk: number,
): Promise<'written' | 'kept' | 'damaged'> => {
  const part = run.partPath(chunk)
  try {
    const file = await explained(part, 'write the rows of a chunk', () => open(part, 'wx'))
    try {
      for await (const piece of objects.parts(at)) {
        if (piece === undefined) return 'damaged'
        await explained(part, 'write the rows of a chunk', () => file.writeFile(piece))
      }
    } finally {
      await file.close()
    }
    return await run.publish(chunk, part)
  } catch (error) {
    if (error instanceof OnestepError && ['ERR_CHUNK', 'ERR_VERSION'].includes(error.code)) return 'damaged'
    throw error
  } finally {
    await rm(part, { force: true })
  }
}

/** Throws away what waits: after the end of a study, late twins of chunks that are there. */
export const dropDeliveries = async (objects: ObjectStore, study: string): Promise<void> => {
  for (const { name } of await deliveries(objects, study))
    await objects.remove({ group: groupOf(study), name })
}
