// What the drivers of Redis and PostgreSQL are told of a broker.
import type { Pool } from 'pg'
import { loadPostgres } from './packages.js'
import type { BrokerAddress } from './security.js'

/** Milliseconds until a connection that cannot be made is given up. */
const connectMs = 5000

/** Of ioredis. It connects again for ever, every two seconds at most. */
export const redisOptions = ({ host, port, user, password, database, tls }: BrokerAddress) => ({
  host,
  port,
  db: Number(database),
  ...(user !== undefined && { username: user }),
  ...(password !== undefined && { password }),
  ...(tls !== undefined && { tls: { ...tls } }),
  connectTimeout: connectMs,
  keepAlive: 10_000,
  retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), 2000),
})

const postgresOptions = ({ host, port, user, password, database, tls }: BrokerAddress) => ({
  host,
  port,
  database,
  ...(user !== undefined && { user }),
  ...(password !== undefined && { password }),
  ssl: tls === undefined ? false : { ...tls },
  connectionTimeoutMillis: connectMs,
  query_timeout: 60_000,
  keepAlive: true,
  application_name: 'onestep',
})

export interface PoolOptions {
  /** Connections at most. */
  readonly max: number
  /** Where names without a schema are looked for. */
  readonly schema?: string
  /** Hears of connections that break. */
  readonly onError: (error: unknown) => void
}

/**
 * Connections to PostgreSQL. One that breaks while nobody asks anything of it is told to `onError`: by itself it would end the process,
 * since an event `error` that nobody hears does.
 */
export const postgresPool = async (address: BrokerAddress, options: PoolOptions): Promise<Pool> => {
  const { max, schema, onError } = options
  const { Client, Pool } = await loadPostgres()
  class HeardClient extends Client {
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (event !== 'error' || this.listenerCount('error') > 0) return super.emit(event, ...args)
      onError(args[0])
      return true
    }
  }
  const pool = new Pool({
    ...postgresOptions(address),
    max,
    ...(schema !== undefined && { options: `-c search_path=${schema}` }),
    Client: HeardClient,
  })
  pool.on('error', onError)
  return pool
}
