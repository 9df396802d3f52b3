// What went wrong with a file, in words: which one, what was being done, and what to do about it.
import { OnestepError } from '../../base/errors.js'

/** The `code` of an error of the operating system, ''  where it has none. */
export const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

interface Explanation {
  readonly code: string
  readonly what: string
  readonly remedy: string
}

const kept = 'What was stored before is safe, and the same command goes on from there'

const explanations: Readonly<Record<string, Explanation>> = {
  ENOSPC: { code: 'ERR_DISK_FULL', what: 'the disk is full', remedy: `Make room. ${kept}` },
  EDQUOT: {
    code: 'ERR_DISK_FULL',
    what: 'the disk quota is used up',
    remedy: `Make room, or ask for more. ${kept}`,
  },
  EFBIG: {
    code: 'ERR_DISK_FULL',
    what: 'the file would be larger than allowed here',
    remedy: `See "ulimit -f". ${kept}`,
  },
  EIO: {
    code: 'ERR_DISK',
    what: 'the disk reports an input/output error',
    remedy: `Look at the log of the kernel (dmesg) and check the disk. ${kept}`,
  },
  ESTALE: {
    code: 'ERR_DISK',
    what: 'the file server no longer knows the file',
    remedy: `Mount the folder again. ${kept}`,
  },
  EROFS: {
    code: 'ERR_READ_ONLY',
    what: 'the file system is read-only',
    remedy: `Mount it for writing, or copy the folder elsewhere. ${kept}`,
  },
  EACCES: {
    code: 'ERR_PERMISSION',
    what: 'permission is denied',
    remedy: `Change the owner or the mode of the file and its folder. ${kept}`,
  },
  EPERM: {
    code: 'ERR_PERMISSION',
    what: 'the operation is not permitted',
    remedy: `Change the owner or the mode of the file and its folder. ${kept}`,
  },
  EMFILE: {
    code: 'ERR_OPEN_FILES',
    what: 'this process has too many open files',
    remedy: `Raise the limit ("ulimit -n 4096"). ${kept}`,
  },
  ENFILE: {
    code: 'ERR_OPEN_FILES',
    what: 'this machine has too many open files',
    remedy: `Close other programs. ${kept}`,
  },
  ENAMETOOLONG: {
    code: 'ERR_PATH',
    what: 'the path is too long',
    remedy: 'Choose a folder with a shorter path',
  },
  ENOTDIR: {
    code: 'ERR_PATH',
    what: 'a part of the path is a file, not a folder',
    remedy: 'Choose another folder',
  },
  ELOOP: {
    code: 'ERR_PATH',
    what: 'it is a symbolic link, which is not followed here',
    remedy: 'Put the file itself there',
  },
  ENOENT: {
    code: 'ERR_PATH',
    what: 'no such file or folder',
    remedy: 'Check the path, and that nothing else removes files there',
  },
}

/** A file of a study could not be read or written. */
export class StorageError extends OnestepError {
  /** ENOSPC, EIO, … */
  readonly errno: string

  constructor(
    what: string,
    detail: { readonly code: string; readonly remedy: string; readonly cause: unknown },
  ) {
    super(what, detail)
    this.errno = errnoOf(detail.cause)
  }
}

/** The error of a file operation for people; errors that are not of the operating system stay what they are. */
export const storageError = (error: unknown, path: string, doing: string): unknown => {
  const errno = errnoOf(error)
  if (error instanceof OnestepError || !/^E[A-Z0-9]+$/.test(errno)) return error
  const known = explanations[errno]
  return new StorageError(`${path}: cannot ${doing}: ${known?.what ?? errno}`, {
    code: known?.code ?? 'ERR_DISK',
    remedy: known?.remedy ?? kept,
    cause: error,
  })
}
