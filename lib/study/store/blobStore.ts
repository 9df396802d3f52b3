// Stored programs and arrays, each a file named by the SHA-256 of its bytes: the name says whether they are right.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ArgumentError, DataError } from '../../base/errors.js'
import * as durable from './durable.js'
import type { FileSystem } from './files.js'
import { isDamage, isMissing, isNoFile, setAside } from './quarantine.js'

/** The name of a blob: the SHA-256 of its bytes, 64 hexadecimal digits. */
export const blobHash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export const isBlobHash = (name: unknown): name is string =>
  typeof name === 'string' && /^[0-9a-f]{64}$/.test(name)

const remedy = 'Run the study again with its study file: what is missing is traced anew'

/** The blobs of a run directory. */
export class BlobStore {
  private readonly dir: string
  private readonly files: FileSystem

  constructor(dir: string, files: FileSystem) {
    this.dir = dir
    this.files = files
  }

  /** Where a blob is. @throws {ArgumentError} for what is no hash */
  path(hash: string): string {
    if (isBlobHash(hash)) return join(this.dir, 'blobs', hash)
    throw new ArgumentError('run directory: the name of a blob', {
      expected: '64 hexadecimal digits',
      received: JSON.stringify(hash),
    })
  }

  /**
   * The bytes of a blob, checked against its name.
   * @throws {DataError} ERR_BLOB_MISSING, or ERR_BLOB where it is damaged: it is in quarantine then
   */
  async get(hash: string): Promise<Uint8Array> {
    const path = this.path(hash)
    try {
      return await this.read(hash, path)
    } catch (error) {
      if (isMissing(error)) {
        throw new DataError(`${path}: a stored program or array is missing`, {
          code: 'ERR_BLOB_MISSING',
          remedy,
          cause: error,
        })
      }
      // A folder that cannot be written to is no reason to hide what is wrong with the file.
      if (isDamage(error)) await setAside(this.files, this.dir, path, error.what).catch(() => undefined)
      throw error
    }
  }

  /** Stores bytes under their hash, unless they are there; a damaged blob of that name is replaced. */
  put(bytes: Uint8Array): Promise<string> {
    const hash = blobHash(bytes)
    const path = this.path(hash)
    return durable.explained(path, 'store a blob', async () => {
      for (;;) {
        const there = await this.read(hash, path).then(
          () => true,
          async (error: unknown) => {
            if (isDamage(error)) await setAside(this.files, this.dir, path, error.what)
            else if (!isMissing(error)) throw error
            return false
          },
        )
        // Whoever wrote it may not have come to sync the folder.
        if (there) await durable.syncPath(this.files, join(this.dir, 'blobs'), 'folder')
        if (there || (await durable.writeOnce(this.files, path, [bytes]))) return hash
      }
    })
  }

  private read(hash: string, path: string): Promise<Uint8Array> {
    return durable.explained(path, 'read a blob', async () => {
      const bytes = await durable.readWhole(this.files, path).catch((error: unknown) => {
        if (isNoFile(error)) return undefined
        throw error
      })
      if (bytes !== undefined && blobHash(bytes) === hash) return bytes
      throw new DataError(`${path}: its bytes are not those of its name`, { code: 'ERR_BLOB', remedy })
    })
  }
}
