// A file system whose k-th call fails, or at whose k-th call the process ends. Planned faults, so that every k can be tried.
import type { FileSystem, OpenFile } from '../../../lib/study/store/files.js'

/** The process is gone: nothing that it was about to do happens. */
export class Crash extends Error {}

export type Fault =
  /** Fails with this code, once or from then on. */
  | { readonly kind: 'error'; readonly errno: string; readonly lasting: boolean }
  /** Half of what was to be written or read is. */
  | { readonly kind: 'short' }
  | { readonly kind: 'crash' }

export interface FaultyFiles extends FileSystem {
  /** Calls so far. */
  readonly calls: () => number
}

/** `files`, with a fault at call number `at`, from 0. */
export const faultyFiles = (files: FileSystem, at: number, fault: Fault): FaultyFiles => {
  let calls = 0
  let gone = false
  /** Says whether this call is to be short; throws where it is to fail. */
  const step = (path: string): boolean => {
    if (gone) throw new Crash()
    const call = calls++
    if (fault.kind === 'error' && (call === at || (fault.lasting && call > at))) {
      throw Object.assign(new Error(`${fault.errno}: injected, ${path}`), { code: fault.errno })
    }
    if (fault.kind === 'crash' && call === at) {
      gone = true
      return true
    }
    return fault.kind === 'short' && call === at
  }
  const die = (): void => {
    if (gone) throw new Crash()
  }
  const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Math.ceil(bytes.length / 2))
  const wrap = (file: OpenFile, path: string): OpenFile => ({
    read: async (into, position) => {
      const short = step(path)
      die()
      return file.read(short ? half(into) : into, position)
    },
    write: async (bytes) => {
      // A process that dies while it writes has written a part.
      const short = step(path)
      const written = await file.write(short ? half(bytes) : bytes)
      die()
      return written
    },
    size: async () => {
      step(path)
      die()
      return file.size()
    },
    sync: async () => {
      step(path)
      die()
      return file.sync()
    },
    close: async () => {
      // The system closes what a dead process left open, and a close that fails has closed.
      await file.close()
      step(path)
      die()
    },
  })
  const plain =
    <A extends readonly string[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      step(args[0] ?? '')
      die()
      return call(...args)
    }
  return {
    calls: () => calls,
    open: async (path, mode) => {
      step(path)
      die()
      return wrap(await files.open(path, mode), path)
    },
    link: plain((existing: string, path: string) => files.link(existing, path)),
    rename: plain((from: string, to: string) => files.rename(from, to)),
    unlink: plain((path: string) => files.unlink(path)),
    makeFolder: plain((path: string) => files.makeFolder(path)),
    list: plain((path: string) => files.list(path)),
    modified: plain((path: string) => files.modified(path)),
  }
}
