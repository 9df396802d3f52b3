// The few calls to the file system on which durability rests, behind a small interface: tests put a disk behind it that fills
// up, fails, loses what was not synced, and loses power at any call.
import { constants } from 'node:fs'
import { link, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

export interface OpenFile {
  /** Fills `into` from `position` on, as far as the file goes; the bytes read, which may be fewer. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Appends; the bytes written, which may be fewer. */
  write(bytes: Uint8Array): Promise<number>
  size(): Promise<number>
  /** Returns when what was written survives a loss of power. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Calls fail as those of Node do, with `code` set: ENOENT, EEXIST, ENOSPC, … */
export interface FileSystem {
  /** `read` follows no symbolic link; `create` makes a new file and refuses one that is there; `folder` is for `sync` alone. */
  open(path: string, mode: 'read' | 'create' | 'folder'): Promise<OpenFile>
  /** A second name of a file; refuses a name that is there. */
  link(existing: string, path: string): Promise<void>
  /** Replaces what is there. */
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** One folder, in one that is there. */
  makeFolder(path: string): Promise<void>
  list(path: string): Promise<string[]>
  /** When it was written last, in milliseconds since 1970. */
  modified(path: string): Promise<number>
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, O_CREAT, O_EXCL, O_DIRECTORY } = constants

const flags = {
  // Opening a pipe that someone put there must not hang.
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  create: O_WRONLY | O_CREAT | O_EXCL,
  folder: O_RDONLY | O_DIRECTORY,
}

class NodeFile implements OpenFile {
  private readonly handle: FileHandle

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return (await this.handle.read(into, 0, into.length, position)).bytesRead
  }

  async write(bytes: Uint8Array): Promise<number> {
    return (await this.handle.write(bytes)).bytesWritten
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size
  }

  sync(): Promise<void> {
    return this.handle.sync()
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}

/** The file system of this machine. */
export const nodeFiles: FileSystem = {
  open: async (path, mode) => new NodeFile(await open(path, flags[mode])),
  link,
  rename,
  unlink,
  makeFolder: async (path) => {
    await mkdir(path)
  },
  list: (path) => readdir(path),
  modified: async (path) => (await lstat(path)).mtimeMs,
}
