// Damaged files are moved aside, never deleted: someone may want to know what happened to them.
import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import { OnestepError } from '../../base/errors.js'
import * as durable from './durable.js'
import type { FileSystem } from './files.js'
import { errnoOf } from './storageError.js'

/** Whether an error says that a file is not what it should be, so that it is to be made again. */
export const isDamage = (error: unknown): error is OnestepError =>
  error instanceof OnestepError && (error.code === 'ERR_CHUNK' || error.code === 'ERR_BLOB')

/** Whether an error, as it came or explained, says that there is no such file. */
export const isMissing = (error: unknown): boolean =>
  errnoOf(error) === 'ENOENT' || (error instanceof OnestepError && errnoOf(error.cause) === 'ENOENT')

/** What has the name of a file and is none is as good as damaged. */
export const isNoFile = (error: unknown): boolean => ['ELOOP', 'EISDIR', 'ENXIO'].includes(errnoOf(error))

/**
 * Moves a file of a run directory to quarantine/, with the reason beside it.
 * @returns its new path; undefined where it is no longer there
 */
export const setAside = (
  files: FileSystem,
  dir: string,
  path: string,
  why: string,
): Promise<string | undefined> => {
  const name = basename(path).replace(/^\./, '')
  const aside = join(dir, 'quarantine', `${name}.${randomBytes(6).toString('hex')}`)
  return durable.explained(path, 'put a damaged file in quarantine', async () => {
    try {
      await files.rename(path, aside)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    const reason = new TextEncoder().encode(`${new Date().toISOString()} ${why}\n`)
    await durable.replaceFile(files, `${aside}.txt`, [reason])
    return aside
  })
}
