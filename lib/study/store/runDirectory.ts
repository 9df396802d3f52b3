// A run directory: everything that is known of a study, safe against kills, crashes, full disks and several processes at once.
//   manifest.json   written once      chunks/000012.chunk   a chunk's rows, there whole or not at all
//   blobs/<sha256>  programs, arrays  quarantine/           damaged files, with the reason
// Truth is the manifest and the chunk files. docs/run-directory.md says what survives what.
import { join } from 'node:path'
import { ArgumentError, checkOptions, DataError, OnestepError } from '../../base/errors.js'
import { blobHash, BlobStore } from './blobStore.js'
import type { Block } from './block.js'
import { ChunkStore } from './chunkStore.js'
import * as durable from './durable.js'
import { nodeFiles } from './files.js'
import type { FileSystem } from './files.js'
import type { Manifest } from './manifest.js'
import { manifestBytes, manifestDifferences, readManifest } from './manifestFile.js'
import { isDamage, isMissing } from './quarantine.js'

const folders = ['blobs', 'chunks', 'checkpoints', 'quarantine', 'runners', 'logs']

/** Age in milliseconds at which a temporary file of another machine counts as left behind. */
const staleMs = 3_600_000

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export interface BlocksOptions {
  /** By name, in this order; all by default. */
  readonly columns?: readonly string[]
  /** By their place in the manifest; all by default. */
  readonly variants?: readonly number[]
}

/** A run directory that is there: see {@link createRun} and {@link openRun}. */
export class RunDirectory extends ChunkStore {
  /** The blob that is the manifest. */
  readonly manifestHash: string
  private readonly blobs: BlobStore

  constructor(dir: string, manifest: Manifest, manifestHash: string, files: FileSystem) {
    super(dir, manifest, files)
    this.manifestHash = manifestHash
    this.blobs = new BlobStore(dir, files)
  }

  /**
   * The path of a file in here.
   * @throws {ArgumentError} for a name that could lead elsewhere
   */
  path(name: string): string {
    const parts = name.split('/')
    if (parts.length <= 8 && parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(part))) {
      return join(this.dir, ...parts)
    }
    throw new ArgumentError('run directory: the name of a file', {
      expected: 'letters, digits, ".", "_" and "-", with "/" between folders',
      received: JSON.stringify(name),
    })
  }

  /**
   * The bytes of a blob, checked against its name.
   * @throws {DataError} ERR_BLOB_MISSING, or ERR_BLOB where it is damaged: it is in quarantine then
   */
  blob(hash: string): Promise<Uint8Array> {
    return this.blobs.get(hash)
  }

  /** Stores bytes under their hash, unless they are there; a damaged blob of that name is replaced. */
  putBlob(bytes: Uint8Array): Promise<string> {
    return this.blobs.put(bytes)
  }

  /** Writes a file whole, in the place of what had its name: a report, who works here now. */
  async replace(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.path(name)
    const bytes = typeof content === 'string' ? utf8(content) : content
    await durable.explained(path, 'write the file', () => durable.replaceFile(this.files, path, [bytes]))
  }

  /**
   * Removes temporary files that nobody writes any more: those of dead processes here, and those that nobody wrote to for
   * `olderThan` milliseconds (an hour).
   * @returns how many
   */
  async sweep(options: { readonly olderThan?: number } = {}): Promise<number> {
    checkOptions('sweep', options, ['olderThan'])
    const { olderThan = staleMs } = options
    let swept = 0
    for (const folder of [this.dir, ...folders.map((name) => join(this.dir, name))]) {
      swept += await durable.explained(folder, 'remove temporary files', () =>
        durable.sweepFolder(this.files, folder, olderThan),
      )
    }
    return swept
  }

  /** All rows that are there, in their order, chunk by chunk; chunks that are missing or damaged are left out. */
  async *blocks(options: BlocksOptions = {}): AsyncGenerator<Block, void, undefined> {
    checkOptions('blocks', options, ['columns', 'variants'])
    const { columns: all, variants } = this.manifest
    const { columns = all.map(({ name }) => name), variants: chosen = variants.map((_, v) => v) } = options
    const places = columns.map((name) => {
      const j = all.findIndex((column) => column.name === name)
      if (j >= 0) return j
      throw new ArgumentError('rows of a study: a column that it does not have', {
        expected: all.map((column) => column.name).join(', '),
        received: name,
      })
    })
    const done = await this.done()
    const chunks = [...done.keys()].filter((c) => done[c] === 1 && chosen.includes(this.range(c).variant))
    const read = (chunk: number | undefined): Promise<Block | undefined> | undefined =>
      chunk === undefined
        ? undefined
        : this.readChunk(chunk).catch((error: unknown) => {
            const gone = error instanceof OnestepError && error.code === 'ERR_CHUNK_MISSING'
            if (gone || isDamage(error)) return undefined
            throw error
          })
    let next = read(chunks[0])
    for (let i = 0; i < chunks.length; i++) {
      const block = await next
      // The next chunk is read while this one is used; an error is told when its turn comes.
      next = read(chunks[i + 1])
      next?.catch(() => undefined)
      if (block === undefined) continue
      yield {
        rows: block.rows,
        columns: places.map((j) => block.columns[j] as Block['columns'][number]),
        data: places.map((j) => block.data[j] as Block['data'][number]),
      }
    }
  }
}

export interface CreateRunOptions {
  /** Stored programs and arrays, by hash: all that the manifest names. */
  readonly blobs: ReadonlyMap<string, Uint8Array>
  /** Further files by name, written where they are not there: study.json, study.yaml, environment.json. */
  readonly files?: Readonly<Record<string, string>>
  /** Default: that of this machine. */
  readonly fileSystem?: FileSystem
}

/** The run directory that a folder is; undefined where it has no manifest. */
const runOf = async (dir: string, files: FileSystem): Promise<RunDirectory | undefined> => {
  const path = join(dir, 'manifest.json')
  const bytes = await durable
    .explained(path, 'read the manifest', () => durable.readWhole(files, path))
    .catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
  return bytes && new RunDirectory(dir, readManifest(bytes, path), blobHash(bytes), files)
}

/**
 * Makes a run directory, or goes on with the one that is there: of several processes at once, one writes the manifest, and all
 * go on with it. Nothing that is there is overwritten.
 * @throws {OnestepError} ERR_STUDY_CHANGED when the folder belongs to another study; the message lists what differs
 */
export const createRun = async (
  dir: string,
  manifest: Manifest,
  options: CreateRunOptions,
): Promise<RunDirectory> => {
  checkOptions('createRun', options, ['blobs', 'files', 'fileSystem'])
  const { blobs, files: texts = {}, fileSystem: files = nodeFiles } = options
  const bytes = manifestBytes(manifest)
  const draft = new RunDirectory(dir, readManifest(bytes, 'the manifest'), blobHash(bytes), files)
  const missing = manifest.blobs.find((hash) => !blobs.has(hash))
  if (missing !== undefined) {
    throw new ArgumentError('createRun: a blob that the manifest names', {
      expected: missing,
      received: 'none',
    })
  }
  const refuseOther = ({ manifest: found }: RunDirectory): void => {
    if (found.id === manifest.id) return
    throw new OnestepError(`${dir}: the run directory of another study`, {
      code: 'ERR_STUDY_CHANGED',
      expected: 'the study that the directory was made for',
      received: `one that differs:\n  ${manifestDifferences(found, manifest).join('\n  ')}`,
      remedy: 'Undo the change, or run the study in a new folder: --dir FOLDER',
    })
  }
  const before = await runOf(dir, files)
  if (before !== undefined) refuseOther(before)
  await durable.explained(dir, 'make the run directory', async () => {
    await durable.makeFolders(files, dir)
    for (const name of folders) await durable.makeFolders(files, join(dir, name))
  })
  for (const content of [...blobs.values(), bytes]) await draft.putBlob(content)
  const writeOnce = async (name: string, content: Uint8Array): Promise<void> => {
    const path = draft.path(name)
    await durable.explained(path, 'write the file', () => durable.writeOnce(files, path, [content]))
  }
  await writeOnce('manifest.json', bytes)
  const run = await openRun(dir, { fileSystem: files })
  refuseOther(run)
  for (const [name, text] of Object.entries(texts)) await writeOnce(name, utf8(text))
  return run
}

/**
 * Opens a run directory; writes nothing.
 * @throws {DataError} where it is none
 */
export const openRun = async (
  dir: string,
  options: { readonly fileSystem?: FileSystem } = {},
): Promise<RunDirectory> => {
  checkOptions('openRun', options, ['fileSystem'])
  const { fileSystem: files = nodeFiles } = options
  const run = await runOf(dir, files)
  if (run !== undefined) return run
  throw new DataError(`${dir}: no run directory of a study`, {
    code: 'ERR_NO_RUN',
    expected: 'a folder with a manifest.json',
    remedy: 'Make one with "onestep run study.yaml", or check the path',
  })
}
