// Files that are there whole or not at all, whatever happens in between: written under a temporary name, synced, then given
// their name; the folder is synced before anyone is told.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FileSystem } from './files.js'
import { errnoOf, storageError } from './storageError.js'

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ''
  }
}

/** Names the set of processes in which a process id means something: machine, boot, and container. */
const processSpace = createHash('sha256')
  .update(
    [
      hostname(),
      attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
      attempt(() => readlinkSync('/proc/self/ns/pid')),
    ].join('\n'),
  )
  .digest('hex')
  .slice(0, 8)

/** A fresh temporary name beside `path`, which says who writes it. */
export const temporaryPath = (path: string): string =>
  join(
    dirname(path),
    `.${basename(path)}.${processSpace}-${String(process.pid)}-${randomBytes(6).toString('hex')}.part`,
  )

const temporaryName = /^\..*\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.part$/

const claimName = /^\..*\.claim$/

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) !== 'ESRCH'
  }
}

/** Runs `work`; an error of the operating system is told with the path and what was being done. */
export const explained = async <T>(path: string, doing: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw storageError(error, path, doing)
  }
}

/** All bytes of a file. */
export const readWhole = async (files: FileSystem, path: string): Promise<Uint8Array> => {
  const file = await files.open(path, 'read')
  try {
    const bytes = new Uint8Array(await file.size())
    let at = 0
    while (at < bytes.length) {
      const read = await file.read(bytes.subarray(at), at)
      if (read === 0) return bytes.subarray(0, at)
      at += read
    }
    return bytes
  } finally {
    await file.close()
  }
}

/** A new file, written and synced; nothing is left of it when that fails. */
export const writeWhole = async (
  files: FileSystem,
  path: string,
  buffers: readonly Uint8Array[],
): Promise<void> => {
  const file = await files.open(path, 'create')
  try {
    try {
      for (const buffer of buffers) {
        for (let at = 0; at < buffer.length;) at += await file.write(buffer.subarray(at))
      }
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await files.unlink(path).catch(() => undefined)
    throw error
  }
}

/** Syncs an open file or a folder by its path; folders of file systems that cannot are left alone. */
export const syncPath = async (files: FileSystem, path: string, mode: 'read' | 'folder'): Promise<void> => {
  const file = await files.open(path, mode)
  try {
    await file.sync()
  } catch (error) {
    if (mode === 'read' || !['EINVAL', 'ENOTSUP'].includes(errnoOf(error))) throw error
  } finally {
    await file.close()
  }
}

/** A folder with all above it; synced in the folder that holds it, where that can be read. */
export const makeFolders = async (files: FileSystem, path: string): Promise<void> => {
  try {
    await files.makeFolder(path)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolders(files, dirname(path))
    return makeFolders(files, path)
  }
  await syncPath(files, dirname(path), 'folder')
}

/** How long another process may hold a claim before it counts as dead. */
const claimMs = 10_000

/**
 * Gives a temporary file a name that must be free, where the file system has no links: whoever makes the claim file may look
 * and rename.
 */
const renameExclusively = async (files: FileSystem, from: string, to: string): Promise<void> => {
  const claim = join(dirname(to), `.${basename(to)}.claim`)
  for (;;) {
    try {
      await (await files.open(claim, 'create')).close()
      break
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    const since = await files.modified(claim).catch(() => Date.now())
    if (Math.abs(Date.now() - since) > claimMs) await files.unlink(claim).catch(() => undefined)
    else await sleep(20)
  }
  try {
    const there = await files.modified(to).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return false
        throw error
      },
    )
    if (there) throw Object.assign(new Error(`EEXIST: ${to}`), { code: 'EEXIST' })
    await files.rename(from, to)
  } finally {
    await files.unlink(claim).catch(() => undefined)
  }
}

/**
 * Gives a synced temporary file its name, unless something has that name already. The temporary name is gone afterwards, and
 * the folder is synced, so that whoever hears of the file will find it.
 * @returns false where the name was taken; the temporary file is still there then.
 */
export const settle = async (files: FileSystem, temporary: string, path: string): Promise<boolean> => {
  try {
    await files.link(temporary, path).catch((error: unknown) => {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error))) throw error
      return renameExclusively(files, temporary, path)
    })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return false
  }
  await syncPath(files, dirname(path), 'folder')
  // A temporary name that cannot be removed is swept later.
  await files.unlink(temporary).catch(() => undefined)
  return true
}

/** A new file with this content, unless there is one of that name; whether it was written. Either way it is there to stay. */
export const writeOnce = async (
  files: FileSystem,
  path: string,
  buffers: readonly Uint8Array[],
): Promise<boolean> => {
  const temporary = temporaryPath(path)
  await writeWhole(files, temporary, buffers)
  let written = false
  try {
    written = await settle(files, temporary, path)
  } finally {
    if (!written) await files.unlink(temporary).catch(() => undefined)
  }
  // Whoever wrote it may not have come to sync the folder.
  if (!written) await syncPath(files, dirname(path), 'folder')
  return written
}

/** A file with this content, in the place of whatever had its name. */
export const replaceFile = async (
  files: FileSystem,
  path: string,
  buffers: readonly Uint8Array[],
): Promise<void> => {
  const temporary = temporaryPath(path)
  await writeWhole(files, temporary, buffers)
  try {
    await files.rename(temporary, path)
  } catch (error) {
    await files.unlink(temporary).catch(() => undefined)
    throw error
  }
  await syncPath(files, dirname(path), 'folder')
}

/**
 * Removes the temporary files of a folder that nobody writes any more: those of dead processes of this machine, and those that
 * have not been written to for `olderThan` milliseconds.
 * @returns how many.
 */
export const sweepFolder = async (files: FileSystem, folder: string, olderThan: number): Promise<number> => {
  let swept = 0
  for (const name of await files.list(folder)) {
    const [, space, pid] = temporaryName.exec(name) ?? []
    if (pid === undefined && !claimName.test(name)) continue
    const path = join(folder, name)
    const dead = space === processSpace && Number(pid) !== process.pid && !alive(Number(pid))
    try {
      if (!dead && Date.now() - (await files.modified(path)) < olderThan) continue
      await files.unlink(path)
      swept++
    } catch (error) {
      // Another process swept it, or gave it its name.
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
  return swept
}
