// A private PostgreSQL server. It refuses to run as root, so root starts it as the user postgres.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, copyFile, mkdtemp, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './freePort.js'
import { end, exited, launch, until } from './server.js'
import type { Certificate, TestServer } from './server.js'

const run = promisify(execFile)

const versions = '/usr/lib/postgresql'
const newest = existsSync(versions)
  ? readdirSync(versions)
      .sort((a, b) => Number(b) - Number(a))
      .find((version) => existsSync(join(versions, version, 'bin', 'initdb')))
  : undefined
const bin = newest === undefined ? undefined : join(versions, newest, 'bin')

/** Why there is no PostgreSQL here, or undefined where there is one. A skipped test fails where ONESTEP_REQUIRE_ALL is set. */
export const noPostgres = bin === undefined ? 'PostgreSQL is not installed' : undefined

const isRoot = process.getuid?.() === 0
/** The command as a user who may run the server. */
const asUser = (command: string, args: readonly string[]): readonly [string, readonly string[]] =>
  isRoot ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args]

const idOf = async (flag: '-u' | '-g'): Promise<number> =>
  Number((await run('id', [flag, 'postgres'])).stdout)

/** Starts one, which asks for no password; with a certificate it speaks TLS, too. */
export const startPostgres = async (
  settings: { readonly certificate?: Certificate } = {},
): Promise<TestServer> => {
  const { certificate } = settings
  const folder = await mkdtemp(join(tmpdir(), 'onestep-postgres-'))
  const data = join(folder, 'data')
  const own: Certificate = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const port = await freePort()
  const url = `postgres://onestep@127.0.0.1:${String(port)}/postgres`
  let server: ReturnType<typeof launch> | undefined
  const query = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  const start = async (): Promise<void> => {
    if (server !== undefined && !exited(server.child)) return
    const [command, args] = asUser(join(bin as string, 'postgres'), [
      ...['-D', data, '-p', String(port), '-k', folder],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'shared_buffers=32MB', '-c', 'max_connections=60'],
      // A kill loses nothing of it; a loss of power is not tested.
      ...['-c', 'fsync=off'],
      ...(certificate === undefined
        ? []
        : ['-c', 'ssl=on', '-c', `ssl_cert_file=${own.cert}`, '-c', `ssl_key_file=${own.key}`]),
    ])
    const started = launch(command, args, { cwd: folder })
    server = started
    await until('postgres', async () => {
      if (exited(started.child)) throw new Error(`postgres ended: ${started.output()}`)
      return query('select 1').then(
        () => true,
        () => false,
      )
    })
  }
  // The server's processes are told apart by the file that it keeps; runuser stands between it and this process.
  const kill = async (): Promise<void> => {
    if (server === undefined || exited(server.child)) return
    const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGKILL')
    const { child } = server
    await until('the end of postgres', () => exited(child))
    // Its helpers end by themselves once they see that it is gone; until then nobody can start on this data.
    await until('the end of its helpers', async () => (await helpersOf(data)) === 0)
  }
  const dispose = async (): Promise<void> => {
    await kill().catch(() => undefined)
    if (server !== undefined) await end(server.child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    if (certificate !== undefined) {
      await copyFile(certificate.cert, own.cert)
      await copyFile(certificate.key, own.key)
    }
    if (isRoot) {
      const [user, group] = [await idOf('-u'), await idOf('-g')]
      const files = certificate === undefined ? [] : [own.cert, own.key]
      for (const path of [folder, ...files]) await chown(path, user, group)
    }
    const [command, args] = asUser(join(bin as string, 'initdb'), [
      ...['-D', data, '-U', 'onestep', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    ])
    await run(command, args, { cwd: folder })
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url,
    port,
    kill,
    start,
    empty: () => query(emptied),
    [Symbol.asyncDispose]: dispose,
  }
}

/** Rows of all tables go, but those that say which tables there are. */
const emptied = `do $$ declare t record; begin
  for t in select schemaname, tablename from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') and tablename not like '%migration%' loop
    execute format('truncate %I.%I cascade', t.schemaname, t.tablename);
  end loop; end $$`

/** How many processes work in a folder. */
const helpersOf = async (folder: string): Promise<number> => {
  const folders = await Promise.all(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')),
  )
  return folders.filter((path) => path.startsWith(folder)).length
}
