// Two workers of one thread beside one, on a study that a Redis on this machine hands out.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { atLeast, reported } from '../figures.js'
import type { Figure } from '../figures.js'
import { lastEvent, onestep } from './command.js'
import { studyText } from './logisticProblem.js'

const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))
const chunks = 24

const freePort = async (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => {
        resolve(port)
      })
    })
  })

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await exit
  }
}

/** Seconds that the study takes with so many workers, from the first row to the last. */
const withWorkers = async (
  count: number,
  {
    url,
    file,
    dir,
    folder,
  }: { readonly url: string; readonly file: string; readonly dir: string; readonly folder: string },
): Promise<number> => {
  const workers = Array.from({ length: count }, (_, k) =>
    spawn(
      process.execPath,
      [
        main,
        'worker',
        '--threads',
        '1',
        '--reporter',
        'quiet',
        '--cache',
        join(folder, `cache-${String(k)}`),
      ],
      { stdio: 'ignore', env: { ...process.env, ONESTEP_BROKER: url } },
    ),
  )
  try {
    // Workers that are ready: what is measured is computing, not starting.
    await sleep(3000)
    const run = await onestep(['run', file, '--dir', dir, '--reporter', 'json'], { ONESTEP_BROKER: url })
    return (lastEvent(run) as { readonly seconds: number }).seconds
  } finally {
    await Promise.all(workers.map(ended))
  }
}

export const brokerFigures = async (folder: string, share: number): Promise<Figure[]> => {
  const port = await freePort()
  const redis = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
      '--dir',
      folder,
    ],
    { stdio: 'ignore' },
  )
  const failed = new Promise<true>((resolve) =>
    redis.once('error', () => {
      resolve(true)
    }),
  )
  if (await Promise.race([failed, sleep(1000, false)])) {
    throw new Error('redis-server is not installed: apt-get install redis-server')
  }
  const url = `redis://127.0.0.1:${String(port)}`
  const file = join(folder, 'workers.yaml')
  const chunkRows = Math.ceil(4000 * share)
  await writeFile(file, studyText(chunks * chunkRows, chunkRows))
  try {
    const at = { url, file, folder }
    const one = await withWorkers(1, { ...at, dir: join(folder, 'one') })
    const two = await withWorkers(2, { ...at, dir: join(folder, 'two') })
    return [
      reported('one worker of one thread over Redis: s', one),
      atLeast('two workers of one thread over one: speed', one / two, 1.7),
    ]
  } finally {
    await ended(redis)
  }
}
