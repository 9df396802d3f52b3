// onestep worker, as a user types it, over both brokers: real rows, byte for byte those of one machine; and a password that is seen nowhere.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { openBroker } from '../../lib/cluster/broker.js'
import { coordinate } from '../../lib/cluster/coordinate.js'
import { SafeComputer } from '../../lib/study/compute/isolate.js'
import { runStudy } from '../../lib/study/run.js'
import { startStudy } from '../../lib/study/start.js'
import { noPostgres, startPostgres } from '../harness/postgres.js'
import { noRedis, startRedis } from '../harness/redis.js'
import { end, exited, makeCertificate, until } from '../harness/server.js'
import type { Certificate, TestServer } from '../harness/server.js'
import { fakeComputer, faults, makeStudy } from './study.js'
import { work } from '../../lib/cluster/worker.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const password = 'xyzzy-4711-plugh'

const study = `name: over-brokers
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 60 }
chunk: { rows: 5 }
`

interface Kind {
  readonly name: string
  readonly missing: string | undefined
  readonly start: (certificate?: Certificate) => Promise<TestServer>
  /** The server's URL, with the password. */
  readonly url: (server: TestServer) => string
  /** A URL that the server refuses, with the password; and why. */
  readonly refused: (server: TestServer) => readonly [string, RegExp]
  /** Of the URL over TLS, but for the certificate's authority. */
  readonly tls: string
}

const kinds: readonly Kind[] = [
  {
    name: 'Redis',
    missing: noRedis,
    start: (certificate) => startRedis({ password, ...(certificate && { certificate }) }),
    url: ({ url }) => url,
    refused: ({ url }) => [url.replace(password, `${password}x`), /the broker refuses: WRONGPASS/],
    tls: '?',
  },
  {
    name: 'PostgreSQL',
    missing: noPostgres,
    start: (certificate) => startPostgres(certificate && { certificate }),
    url: ({ url }) => url.replace('onestep@', `onestep:${password}@`),
    refused: ({ url }) => [
      url.replace('onestep@', `nobody:${password}x@`),
      /the broker refuses: role "nobody" does not exist/,
    ],
    tls: '?sslmode=verify-full&',
  },
]

const folderFor = (t: Test): string => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-worker-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** The command in a process; what it says is in `text`. */
const start = (t: Test, args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(root, 'dist/lib/cli/main.js'), 'worker', ...args],
    {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  t.teardown(() => end(child))
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (bytes: Buffer) => {
      said[name] += bytes.toString()
    })
  }
  const ended = async (): Promise<number | null> => {
    if (!exited(child)) await once(child, 'exit')
    return child.exitCode
  }
  return { child, said, ended }
}

/** Files under a folder that hold a text. */
const filesWith = (folder: string, text: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const path = join(folder, name)
    return statSync(path).isFile() && readFileSync(path).includes(text)
  })

/** Command lines and environments of a process and its children that hold a text. */
const processesWith = (pid: number, text: string): string[] => {
  const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
    .trim()
    .split(' ')
  const own = [`/proc/${String(pid)}/cmdline`]
  const theirs = children
    .filter((child) => child !== '')
    .flatMap((child) => [`/proc/${child}/cmdline`, `/proc/${child}/environ`])
  return [...own, ...theirs].filter((path) => readFileSync(path, 'utf8').includes(text))
}

for (const { name, missing, start: startServer, url: urlOf, refused, tls } of kinds) {
  const options = missing === undefined ? {} : { skip: missing }

  t.test(`${name}: a study by two workers is that of one machine`, options, async (t) => {
    const folder = folderFor(t)
    const server = await startServer()
    t.teardown(() => server[Symbol.asyncDispose]())
    const url = urlOf(server)
    writeFileSync(join(folder, 'study.yaml'), study)
    const local = await startStudy(join(folder, 'study.yaml'), { dir: join(folder, 'local') })
    const computer = new SafeComputer({ blobs: local.path('blobs'), threads: 1 })
    t.teardown(() => computer.close())
    t.equal((await runStudy(local, { computer })).ending, 'complete')

    const far = await startStudy(join(folder, 'study.yaml'), { dir: join(folder, 'far') })
    t.equal(far.manifest.id, local.manifest.id)
    const broker = await openBroker(url)
    t.teardown(() => broker.close())
    const outcome = coordinate({ broker, run: far, lookSeconds: 0.1 })
    await until('chunks in the queue', async () => (await broker.queue.counts()).waiting > 0)
    mkdirSync(join(folder, 'cache'))
    const common = ['--threads', '1', '--once', '--cache', join(folder, 'cache')]
    const first = start(t, ['--broker', url, '--reporter', 'json', ...common])
    const second = start(t, ['--dir', join(folder, 'far'), ...common], { ONESTEP_BROKER: url })
    await until(
      'a worker that works',
      () => first.said.stdout.includes('"event":"claimed"') || exited(first.child),
    )
    const shown = exited(first.child) ? [] : processesWith(first.child.pid as number, password)
    t.strictSame(shown, [], 'no process shows the password')

    const { ending, chunks, rows, statuses } = await outcome
    t.strictSame(
      { ending, chunks, rows, statuses },
      { ending: 'complete', chunks: 12, rows: 60, statuses: { converged: 60 } },
    )
    for (let chunk = 0; chunk < 12; chunk++) {
      t.ok(
        readFileSync(far.chunkPath(chunk)).equals(readFileSync(local.chunkPath(chunk))),
        `chunk ${String(chunk)}`,
      )
    }
    t.equal(await first.ended(), 0)
    t.equal(await second.ended(), 0)
    const events = first.said.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    t.match(events[0], { event: 'begin', broker: broker.masked })
    t.match(events.at(-1), { event: 'end', failed: 0 })
    t.match(
      second.said.stderr,
      /takes chunks from .*\*\*\*@127\.0\.0\.1.*\n(.*\n)*.* chunks, \d+ rows, 0 failed; ended/,
    )
    for (const { said } of [first, second]) t.notMatch(said.stdout + said.stderr, password)
    t.strictSame(filesWith(folder, password), [], 'no file holds the password')
  })

  t.test(`${name}: refusals and ends, without the password`, options, async (t) => {
    const folder = folderFor(t)
    const server = await startServer()
    t.teardown(() => server[Symbol.asyncDispose]())
    const cache = ['--cache', join(folder, 'cache')]
    const [wrong, why] = refused(server)
    const turnedAway = start(t, ['--broker', wrong, ...cache])
    t.equal(await turnedAway.ended(), 1)
    t.match(turnedAway.said.stderr, why)
    t.notMatch(turnedAway.said.stderr, password)

    const idle = start(t, ['--broker', urlOf(server), ...cache])
    await until('a worker that is there', () => idle.said.stderr.includes('takes chunks from'))
    await server.kill()
    await until('a worker that sees the broker go', () => idle.said.stderr.split('\n').length > 2)
    await server.start()
    idle.child.kill('SIGTERM')
    t.equal(await idle.ended(), 130)
    t.notMatch(idle.said.stderr, password)
  })

  t.test(`${name}: over TLS`, options, async (t) => {
    const folder = folderFor(t)
    const certificate = await makeCertificate(folder)
    const server = await startServer(certificate)
    t.teardown(() => server[Symbol.asyncDispose]())
    const url = `${urlOf(server)}${tls}`
    await t.rejects(openBroker(url), {
      code: 'ERR_BROKER',
      message: /the broker refuses: self-signed certificate/,
    })
    await small(t, `${url}sslrootcert=${certificate.cert}`)
  })
}

/** Runs a small study over a broker that is there. */
const small = async (t: Test, url: string): Promise<void> => {
  const folder = folderFor(t)
  const run = await makeStudy(join(folder, 'run'), { chunks: 3 })
  const broker = await openBroker(url)
  t.teardown(() => broker.close())
  const outcome = coordinate({ broker, run, lookSeconds: 0.1 })
  await until('chunks in the queue', async () => (await broker.queue.counts()).waiting > 0)
  await work({ broker, computer: fakeComputer({ ms: 1 }), cache: join(folder, 'cache'), once: true })
  t.equal((await outcome).ending, 'complete')
  t.strictSame(await faults(run), [])
}

const guide = readFileSync(join(root, 'docs/many-machines.md'), 'utf8')
/** What stands in the guide between two marks, with the password put in. */
const fromGuide = (pattern: RegExp): string =>
  (pattern.exec(guide)?.[1] ?? '').replaceAll('PASSWORD', password)

t.test(
  'Redis: the account of the guide has the rights that it needs',
  noRedis === undefined ? {} : { skip: noRedis },
  async (t) => {
    const user = fromGuide(/^ *user (onestep .*)$/m).split(' ')
    t.ok(user.includes(`>${password}`), 'the guide was read')
    const server = await startRedis({ user, password: 'of the default account' })
    t.teardown(() => server[Symbol.asyncDispose]())
    await small(t, `redis://onestep:${password}@127.0.0.1:${String(server.port)}`)
  },
)

t.test(
  'PostgreSQL: the role of the guide has the rights that it needs',
  noPostgres === undefined ? {} : { skip: noPostgres },
  async (t) => {
    // The server of the test has a superuser of that name.
    const [role, database] = [/(create role .*;)/, /(create database .*;)/].map((pattern) =>
      fromGuide(pattern).replaceAll('onestep', 'studies'),
    ) as [string, string]
    t.match(role, password)
    const server = await startPostgres()
    t.teardown(() => server[Symbol.asyncDispose]())
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await client.query(role)
    await client.query(database)
    await client.end()
    await small(t, `postgres://studies:${password}@127.0.0.1:${String(server.port)}/studies`)
  },
)

t.test('wrong use', async (t) => {
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no broker.*ONESTEP_BROKER/],
    [
      ['--broker', 'redis://:secret@cache.example'],
      /redis:\/\/:\*\*\*@cache\.example is on another machine, without TLS/,
    ],
    [['--broker', 'redis://127.0.0.1:1', '--lock-seconds', '0'], /--lock-seconds.*above 0/],
    [['--broker', 'redis://127.0.0.1:1', '--threads', 'many'], /--threads.*positive whole number/],
    [['--broker', 'redis://127.0.0.1:1', '--reporter', 'html'], /--reporter.*auto, json, quiet/],
    [['--broker', 'redis://127.0.0.1:1', '--treads', '2'], /unknown option '--treads'/],
  ]
  const outcomes = await Promise.all(
    rows.map(async ([args]) => {
      const { said, ended } = start(t, args, { ONESTEP_BROKER: '' })
      return { code: await ended(), text: said.stderr }
    }),
  )
  for (const [i, [args, message]] of rows.entries()) {
    t.equal(outcomes[i]?.code, 2, args.join(' '))
    t.match(outcomes[i]?.text, message)
  }
})
