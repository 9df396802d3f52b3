// Stored programs and arrays on their way to workers. They are named by their SHA-256, and nobody believes a name: what a worker has
// fetched is hashed before it is used, and what does not fit its name is thrown away, here and at the broker.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../base/errors.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { explained } from '../study/store/durable.js'
import { isBlobHash } from '../study/store/blobStore.js'
import type { ObjectStore } from './objectStore.js'

const group = 'blobs'

const mismatch = (hash: string, where: string): DataError =>
  new DataError(`${where}: the bytes of blob ${hash} are not those of its name`, {
    code: 'ERR_BLOB',
    remedy: 'They are not used. Whoever runs the study puts the right ones there',
  })

/** The content, if its hash is as told. @throws {DataError} at its end otherwise. */
async function* verified(
  content: AsyncIterable<Uint8Array>,
  hash: string,
  where: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const found = createHash('sha256')
  for await (const piece of content) {
    found.update(piece)
    yield piece
  }
  if (found.digest('hex') !== hash) throw mismatch(hash, where)
}

const bytesOf = (path: string): AsyncIterable<Uint8Array> =>
  createReadStream(path, { highWaterMark: 2 ** 20 })

/** Puts those blobs of a run to the broker that are not there, the manifest included; how many those were. */
export const putBlobs = async (objects: ObjectStore, run: RunDirectory): Promise<number> => {
  const hashes = [run.manifestHash, ...run.manifest.blobs]
  const there = await objects.touch(group, hashes)
  const missing = hashes.filter((hash) => !there.has(hash))
  for (const name of missing) {
    const path = run.path(`blobs/${name}`)
    await explained(path, 'read a blob', () =>
      objects.put({ group, name }, verified(bytesOf(path), name, path)),
    )
  }
  return missing.length
}

/** Milliseconds after which a blob that nobody asked for leaves the cache. */
const unusedMs = 14 * 86_400_000

/** Blobs in a folder of this machine, which several workers may share. */
export class BlobCache {
  readonly folder: string
  /** Those whose bytes this process has hashed. */
  private readonly known = new Set<string>()

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Opens a cache, makes its folder, and removes what was not used for two weeks. */
  static async open(folder: string): Promise<BlobCache> {
    await explained(folder, 'make the cache', () => mkdir(folder, { recursive: true }))
    for (const name of await readdir(folder)) {
      if (!isBlobHash(name.slice(0, 64))) continue
      const path = join(folder, name)
      const used = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Infinity,
      )
      if (Date.now() - used > unusedMs) await rm(path, { force: true })
    }
    return new BlobCache(folder)
  }

  /** Sees to it that these blobs are in the folder: from the run directory that is shared, or else from the broker. */
  async need(hashes: readonly string[], objects: ObjectStore, run?: RunDirectory): Promise<void> {
    for (const hash of hashes) {
      if (await this.has(hash)) continue
      const fromRun = run !== undefined && (await this.copy(hash, run))
      if (!fromRun) await this.fetch(hash, objects)
    }
  }

  /** The bytes of a blob that is in the folder. */
  read(hash: string): Promise<Uint8Array> {
    return explained(join(this.folder, hash), 'read the cache', () => readFile(join(this.folder, hash)))
  }

  private async has(hash: string): Promise<boolean> {
    const path = join(this.folder, hash)
    if (this.known.has(hash)) {
      const there = await utimes(path, new Date(), new Date()).then(
        () => true,
        () => false,
      )
      if (there) return true
    }
    try {
      for await (const piece of verified(bytesOf(path), hash, path)) void piece
    } catch {
      await rm(path, { force: true })
      this.known.delete(hash)
      return false
    }
    this.known.add(hash)
    return true
  }

  private async copy(hash: string, run: RunDirectory): Promise<boolean> {
    const path = run.path(`blobs/${hash}`)
    return this.write(hash, verified(bytesOf(path), hash, path)).then(
      () => true,
      () => false,
    )
  }

  private async fetch(name: string, objects: ObjectStore): Promise<void> {
    try {
      await this.write(name, verified(whole(objects, name), name, 'the broker'))
    } catch (error) {
      if (error instanceof DataError && error.code === 'ERR_BLOB') await objects.remove({ group, name })
      throw error
    }
  }

  private async write(hash: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.folder, hash)
    const temporary = `${path}.${randomBytes(6).toString('hex')}`
    try {
      const file = await explained(temporary, 'write to the cache', () => open(temporary, 'wx'))
      try {
        for await (const piece of content) {
          await explained(temporary, 'write to the cache', () => file.writeFile(piece))
        }
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    this.known.add(hash)
  }
}

async function* whole(objects: ObjectStore, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of objects.parts({ group, name })) {
    if (part === undefined) {
      throw new DataError(`the broker does not have blob ${name}`, {
        code: 'ERR_BLOB_MISSING',
        remedy: 'It is put there by whoever runs the study: "onestep resume" with the same broker',
      })
    }
    yield part
  }
}
