// A file that is written piece by piece under a temporary name and gets its name when it is whole: whoever reads it meanwhile sees
// the old one or none, never half of one.
import { dirname } from 'node:path'
import { explained, syncPath, temporaryPath } from '../store/durable.js'
import { nodeFiles } from '../store/files.js'
import type { FileSystem, OpenFile } from '../store/files.js'

/** Bytes that are kept back before they are written together. */
const most = 1 << 18

export class StreamedFile {
  readonly path: string
  /** Written so far. */
  bytes = 0
  private readonly files: FileSystem
  private readonly temporary: string
  private readonly file: OpenFile
  private waiting: Uint8Array[] = []
  private held = 0

  private constructor(path: string, temporary: string, file: OpenFile, files: FileSystem) {
    this.path = path
    this.temporary = temporary
    this.file = file
    this.files = files
  }

  /** Begins a file that `finish` puts in the place of whatever has that name. */
  static begin(path: string, files: FileSystem = nodeFiles): Promise<StreamedFile> {
    const temporary = temporaryPath(path)
    return explained(
      path,
      'write the file',
      async () => new StreamedFile(path, temporary, await files.open(temporary, 'create'), files),
    )
  }

  /** Appends; the caller waits, so that no more is in memory than has been handed over. */
  async write(piece: Uint8Array): Promise<void> {
    this.waiting.push(piece)
    this.held += piece.length
    if (this.held >= most) await this.flush()
  }

  /** Gives the file its name. */
  async finish(): Promise<void> {
    await this.flush()
    await explained(this.path, 'write the file', async () => {
      await this.file.sync()
      await this.file.close()
      await this.files.rename(this.temporary, this.path)
      await syncPath(this.files, dirname(this.path), 'folder')
    })
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined)
    await this.files.unlink(this.temporary).catch(() => undefined)
  }

  private flush(): Promise<void> {
    const pieces = this.waiting
    this.waiting = []
    this.held = 0
    return explained(this.path, 'write the file', async () => {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += await this.file.write(piece.subarray(at))
        this.bytes += piece.length
      }
    })
  }
}
