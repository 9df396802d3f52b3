// The packages that a queue needs, which are optional: most studies run on one machine.
import type * as bullmq from 'bullmq'
import type * as ioredis from 'ioredis'
import type * as pg from 'pg'
import { OnestepError } from '../base/errors.js'
import type { BrokerEngine } from './security.js'

const driver = { redis: 'ioredis', postgres: 'pg' } as const

/** How packages are loaded; a test has none of them. */
export type Load = (name: string) => Promise<unknown>

const load = async <T>(name: string, engine: BrokerEngine, from: Load): Promise<T> => {
  try {
    return (await from(name)) as T
  } catch (cause) {
    throw new OnestepError(`a broker needs the package ${name}, which cannot be loaded`, {
      code: 'ERR_MISSING_PACKAGE',
      remedy: `npm install bullmq ${driver[engine]}`,
      cause,
    })
  }
}

const byImport: Load = (name) => import(name) as Promise<unknown>

/** BullMQ. @throws {OnestepError} that says what to install. */
export const loadBullmq = async (engine: BrokerEngine, from = byImport): Promise<typeof bullmq> => {
  const loaded = await load<{ readonly default: typeof bullmq }>('bullmq', engine, from)
  return loaded.default
}

/** The Redis client. @throws {OnestepError} that says what to install. */
export const loadRedis = async (from = byImport): Promise<typeof ioredis> => load('ioredis', 'redis', from)

/** The PostgreSQL client. @throws {OnestepError} that says what to install. */
export const loadPostgres = async (from = byImport): Promise<typeof pg> => {
  const loaded = await load<{ readonly default: typeof pg }>('pg', 'postgres', from)
  return loaded.default
}
