// The chunk files of a run directory. Each is there whole or not at all, of several that are published the first valid one stays,
// and a damaged one is never taken for rows.
import { join } from 'node:path'
import { ArgumentError, checkOptions, DataError } from '../../base/errors.js'
import type { Block } from './block.js'
import { decodeChunk, footerBytes, footerFits } from './chunkFile.js'
import type { ChunkIdentity } from './chunkFile.js'
import * as durable from './durable.js'
import type { FileSystem } from './files.js'
import { chunkCount, chunkRange } from './manifest.js'
import type { ChunkRange, Manifest } from './manifest.js'
import { isDamage, isMissing, isNoFile, setAside } from './quarantine.js'

/** Files that are looked at at the same time. */
const width = 16

/** '000012.chunk' is 12; undefined for any other name. */
const chunkOf = (name: string): number | undefined => {
  const [, digits = ''] = /^(\d{6,15})\.chunk$/.exec(name) ?? []
  return digits !== '' && digits === String(Number(digits)).padStart(6, '0') ? Number(digits) : undefined
}

export class ChunkStore {
  readonly dir: string
  readonly manifest: Manifest
  protected readonly files: FileSystem
  private readonly folder: string
  /** Chunks whose file was looked at; such a file never changes. */
  private readonly seen = new Set<number>()

  constructor(dir: string, manifest: Manifest, files: FileSystem) {
    this.dir = dir
    this.manifest = manifest
    this.files = files
    this.folder = join(dir, 'chunks')
  }

  /** The rows of a chunk. @throws {ArgumentError} when there is no such chunk */
  range(chunk: number): ChunkRange {
    const count = chunkCount(this.manifest)
    if (Number.isInteger(chunk) && chunk >= 0 && chunk < count) return chunkRange(this.manifest, chunk)
    throw new ArgumentError('run directory: the number of a chunk', {
      expected: `a whole number below ${String(count)}`,
      received: String(chunk),
    })
  }

  /** Where the rows of a chunk are. */
  chunkPath(chunk: number): string {
    return join(this.folder, `${String(this.range(chunk).chunk).padStart(6, '0')}.chunk`)
  }

  /** A fresh name for a part that is to be published. */
  partPath(chunk: number): string {
    return durable.temporaryPath(this.chunkPath(chunk))
  }

  /**
   * 1 for each chunk that has a valid file. The first call looks at the end of each file, later ones at new files only; `verify`
   * reads everything and checks every bit. Damaged files are put in quarantine, where the folder can be written to.
   */
  async done(options: { readonly verify?: boolean } = {}): Promise<Uint8Array> {
    checkOptions('done', options, ['verify'])
    const { verify = false } = options
    const flags = new Uint8Array(chunkCount(this.manifest))
    const names = await durable.explained(this.folder, 'list the chunks', () => this.files.list(this.folder))
    const waiting = names.map(chunkOf).filter((chunk) => chunk !== undefined && chunk < flags.length)
    const look = async (): Promise<void> => {
      for (let chunk = waiting.pop(); chunk !== undefined; chunk = waiting.pop()) {
        const fits = !verify && (this.seen.has(chunk) || (await this.fits(chunk)))
        const found = fits ? 'valid' : await this.check(chunk)
        if (found === 'valid') flags[chunk] = 1
        else if (found !== 'missing') await this.quarantine(chunk, found.what).catch(() => undefined)
      }
    }
    await Promise.all(Array.from({ length: width }, look))
    this.seen.clear()
    flags.forEach((flag, chunk) => {
      if (flag === 1) this.seen.add(chunk)
    })
    return flags
  }

  /**
   * The rows of a chunk; every bit is checked.
   * @throws {DataError} ERR_CHUNK_MISSING where there is no file, ERR_CHUNK where it is damaged: it is in quarantine then
   */
  async readChunk(chunk: number): Promise<Block> {
    const path = this.chunkPath(chunk)
    try {
      return await this.decode(chunk, path)
    } catch (error) {
      if (isMissing(error)) {
        throw new DataError(`${path}: this chunk has not been computed`, {
          code: 'ERR_CHUNK_MISSING',
          remedy: 'Run "onestep resume" on the run directory',
          cause: error,
        })
      }
      // A folder that cannot be written to is no reason to hide what is wrong with the file.
      if (isDamage(error)) await this.quarantine(chunk, error.what).catch(() => undefined)
      throw error
    }
  }

  /**
   * Gives the part its place as the file of the chunk, unless there is a valid one: then that one stays. When this returns the
   * rows survive a loss of power, and the part is gone.
   * @throws {DataError} when the part is not this chunk, in one piece; it is put in quarantine
   */
  async publish(chunk: number, partFile: string): Promise<'written' | 'kept'> {
    const path = this.chunkPath(chunk)
    try {
      await this.decode(chunk, partFile)
    } catch (error) {
      if (isDamage(error)) await setAside(this.files, this.dir, partFile, error.what)
      throw error
    }
    return durable.explained(path, 'store the rows of a chunk', async () => {
      await durable.syncPath(this.files, partFile, 'read')
      while (!(await durable.settle(this.files, partFile, path))) {
        // Something has the name: valid rows stay, anything else makes room.
        const found = await this.check(chunk)
        if (found === 'valid') {
          await durable.syncPath(this.files, this.folder, 'folder')
          await this.files.unlink(partFile).catch(() => undefined)
          return 'kept'
        }
        if (found !== 'missing') await this.quarantine(chunk, found.what)
      }
      return 'written'
    })
  }

  /**
   * Moves the file of a chunk to quarantine/, with the reason beside it; one that turns out to be valid comes back.
   * @returns whether a damaged file was moved
   */
  async quarantine(chunk: number, why: string): Promise<boolean> {
    const path = this.chunkPath(chunk)
    this.seen.delete(chunk)
    const aside = await setAside(this.files, this.dir, path, why)
    if (aside === undefined) return false
    // Another process may have put a good file in the place of the damaged one just before it was moved.
    const valid = await this.decode(chunk, aside).then(
      () => true,
      () => false,
    )
    if (!valid) return true
    await durable.explained(path, 'put back the rows of a chunk', async () => {
      if (!(await durable.settle(this.files, aside, path))) return
      await this.files.unlink(`${aside}.txt`).catch(() => undefined)
    })
    return false
  }

  private identity(chunk: number): ChunkIdentity {
    const { lo, hi } = this.range(chunk)
    return { manifestId: this.manifest.id, chunk, lo, hi }
  }

  /** The rows of a chunk from a file, checked. */
  private decode(chunk: number, path: string): Promise<Block> {
    return durable.explained(path, 'read the rows of a chunk', async () => {
      const bytes = await durable.readWhole(this.files, path).catch((error: unknown) => {
        if (!isNoFile(error)) throw error
        throw new DataError(`${path}: no regular file`, { code: 'ERR_CHUNK', cause: error })
      })
      const { columns } = this.manifest
      return decodeChunk(bytes, { ...this.identity(chunk), columns }, path).block
    })
  }

  /** Whether the file of a chunk ends as it must. */
  private fits(chunk: number): Promise<boolean> {
    const path = this.chunkPath(chunk)
    return durable.explained(path, 'read the end of a chunk', async () => {
      try {
        const file = await this.files.open(path, 'read')
        try {
          const size = await file.size()
          if (size < footerBytes) return false
          const tail = new Uint8Array(footerBytes)
          const read = await file.read(tail, size - footerBytes)
          return footerFits(tail.subarray(0, read), size, this.identity(chunk))
        } finally {
          await file.close()
        }
      } catch (error) {
        if (isNoFile(error) || isMissing(error)) return false
        throw error
      }
    })
  }

  /** What is at the place of a chunk, every bit looked at; an error says how it is damaged. */
  private async check(chunk: number): Promise<'valid' | 'missing' | { readonly what: string }> {
    try {
      await this.decode(chunk, this.chunkPath(chunk))
      return 'valid'
    } catch (error) {
      if (isMissing(error)) return 'missing'
      if (isDamage(error)) return error
      throw error
    }
  }
}
