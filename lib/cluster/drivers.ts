// What the drivers of Redis and PostgreSQL are told of a broker.
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

/** Of pg. */
export const postgresOptions = ({ host, port, user, password, database, tls }: BrokerAddress) => ({
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
