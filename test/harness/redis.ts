// A private redis-server that writes each second what it did, as the documentation asks of one that carries studies.
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './freePort.js'
import { end, exited, launch, until } from './server.js'
import type { Certificate, TestServer } from './server.js'

const binary = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) => existsSync(path))

/** Why there is no Redis here, or undefined where there is one. A skipped test fails where ONESTEP_REQUIRE_ALL is set. */
export const noRedis = binary === undefined ? 'redis-server is not installed' : undefined

export interface RedisSettings {
  /** Asked of clients. */
  readonly password?: string
  /** A further account, as in the configuration file: name, then rules. */
  readonly user?: readonly string[]
  /** TLS alone. */
  readonly certificate?: Certificate
}

/** One command on a connection of its own. */
const ask = async (
  port: number,
  { password, certificate }: RedisSettings,
  ...command: [string, ...string[]]
) => {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    ...(password !== undefined && { password }),
    ...(certificate !== undefined && { tls: { ca: readFileSync(certificate.cert) } }),
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.call(...command)
  } finally {
    client.disconnect()
  }
}

/** Starts one. */
export const startRedis = async (settings: RedisSettings = {}): Promise<TestServer> => {
  const { password, user, certificate } = settings
  const folder = await mkdtemp(join(tmpdir(), 'onestep-redis-'))
  const port = await freePort()
  const tls = ({ cert, key }: Certificate): readonly string[] => [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert],
  ]
  const args = [
    ...(certificate === undefined ? ['--port', String(port)] : tls(certificate)),
    ...['--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...(user === undefined ? [] : ['--user', ...user]),
  ]
  let server: ReturnType<typeof launch> | undefined
  const start = async (): Promise<void> => {
    if (server !== undefined && !exited(server.child)) return
    const started = launch(binary as string, args, { cwd: folder })
    server = started
    await until('redis-server', async () => {
      if (exited(started.child)) throw new Error(`redis-server ended: ${started.output()}`)
      return ask(port, settings, 'PING').then(
        (answer) => answer === 'PONG',
        () => false,
      )
    })
  }
  const kill = async (): Promise<void> => {
    if (server !== undefined) await end(server.child)
  }
  const dispose = async (): Promise<void> => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url: `${certificate === undefined ? 'redis' : 'rediss'}://${password === undefined ? '' : `:${password}@`}127.0.0.1:${String(port)}`,
    port,
    kill,
    start,
    empty: async () => {
      await ask(port, settings, 'FLUSHALL')
    },
    [Symbol.asyncDispose]: dispose,
  }
}
