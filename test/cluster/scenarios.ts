// What may happen to a study on many machines, over each of the brokers. Whatever it is: every chunk has exactly one valid file, and every
// row is there once.
import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { putBlobs } from '../../lib/cluster/blobs.js'
import { collect, deliver, deliveries } from '../../lib/cluster/deliveries.js'
import type { Coordinated } from '../../lib/cluster/coordinate.js'
import { jobOf } from '../../lib/cluster/job.js'
import type { ChunkJob } from '../../lib/cluster/job.js'
import { work } from '../../lib/cluster/worker.js'
import type { WorkerEvent } from '../../lib/cluster/worker.js'
import { createRun, openRun } from '../../lib/study/store/runDirectory.js'
import type { TestServer } from '../harness/server.js'
import { end, until } from '../harness/server.js'
import { Site } from './site.js'
import { faults, fakeComputer, makeStudy } from './study.js'

export interface BrokerUnderTest {
  readonly name: string
  readonly start: () => Promise<TestServer>
  /** Why it cannot be tested here. */
  readonly missing: string | undefined
}

type Body = (t: Test, site: Site) => Promise<void>

/** The part of an outcome that does not depend on who was how fast. */
const ending = ({ ending, missing, failed }: Coordinated) => ({ ending, missing, failed })

const complete = { ending: 'complete', missing: 0, failed: [] }

/** Waits until a worker computes, and tells which chunk. */
const busy = async (site: Site, worker: ChildProcess): Promise<number> => {
  const before = site.log('begin').length
  let chunk = NaN
  await until('a worker that computes', () => {
    const line = site
      .log('begin')
      .slice(before)
      .find((text) => text.endsWith(` ${String(worker.pid)}`))
    chunk = Number(line?.split(' ')[0] ?? NaN)
    return !Number.isNaN(chunk)
  })
  return chunk
}

/** The scenarios, by name. */
const scenarios: Readonly<Record<string, Body>> = {
  'two workers without a shared folder': async (t, site) => {
    const run = await site.study({ chunks: 20, blobBytes: 9_000_000 })
    site.worker({ cache: `${site.folder}/a`, ms: 20 })
    site.worker({ cache: `${site.folder}/b`, ms: 20 })
    const seen: number[] = []
    const broker = await site.broker()
    const outcome = await site.coordinate(broker, run, {
      onProgress: ({ done, total }) => {
        seen.push(done, total)
      },
    })
    t.strictSame(ending(outcome), complete)
    t.match(outcome, { chunks: 20, rows: 197, statuses: { converged: 177, diverged: 20 } })
    t.strictSame(await faults(run), [])
    t.strictSame(seen.slice(-2), [197, 197], 'all rows were told of')
    t.equal(new Set(site.log('begin').map((line) => line.split(' ')[1])).size, 2, 'both have worked')
    t.strictSame(await broker.queue.counts(), { waiting: 0, active: 0, failed: 0 }, 'the queue is empty')
    t.strictSame(await deliveries(broker.objects, run.manifest.id), [], 'nothing waits to be collected')
  },

  'two workers on a shared folder': async (t, site) => {
    const run = await site.study({ chunks: 20 })
    site.worker({ sharedDir: site.folder, ms: 20 })
    site.worker({ sharedDir: run.dir, ms: 20 })
    t.strictSame(ending(await site.coordinate(await site.broker(), run)), complete)
    t.strictSame(await faults(run), [])
    const stored = site.log('event').filter((line) => line.includes('"stored":"folder"'))
    t.equal(stored.length, 20, 'all went straight into the folder')
  },

  'three workers are killed': async (t, site) => {
    const run = await site.study({ chunks: 40 })
    const outcome = site.coordinate(await site.broker(), run)
    site.worker()
    for (let kills = 0; kills < 3; kills++) {
      const worker = site.worker({ ms: 150 })
      await busy(site, worker)
      await end(worker)
    }
    site.worker()
    t.strictSame(ending(await outcome), complete)
    t.strictSame(await faults(run), [])
    t.ok(site.log('begin').length > 40, 'what they had begun was begun again')
  },

  'the broker is killed twice, and comes back': async (t, site) => {
    const run = await site.study({ chunks: 40 })
    site.worker()
    site.worker({ cache: `${site.folder}/other` })
    const troubles: string[] = []
    const outcome = site.coordinate(await site.broker(), run, {
      onTrouble: (message) => {
        troubles.push(message)
      },
    })
    for (const chunks of [8, 20]) {
      await site.reach(run, chunks)
      await site.server.kill()
      await sleep(1000)
      await site.server.start()
    }
    t.strictSame(ending(await outcome), complete)
    t.strictSame(await faults(run), [])
    t.match(troubles.join(), /the broker does not answer/)
  },

  'the broker is killed while workers start': async (t, site) => {
    const run = await site.study({ chunks: 12 })
    const outcome = site.coordinate(await site.broker(), run)
    const workers: ChildProcess[] = []
    for (const wait of [0, 50, 150]) {
      const ready = site.log('ready').length
      workers.push(...[1, 2].map(() => site.worker()))
      await until('a first worker', () => site.log('ready').length > ready)
      await sleep(wait)
      await site.server.kill()
      await site.server.start()
    }
    t.strictSame(ending(await outcome), complete)
    t.strictSame(await faults(run), [])
    await until('all workers', () => site.log('ready').length === workers.length)
    const codes = workers.map(({ exitCode }) => exitCode)
    t.strictSame(codes, new Array(workers.length).fill(null), 'no worker has ended')
  },

  'the broker loses everything': async (t, site) => {
    const run = await site.study({ chunks: 30, blobBytes: 100_000 })
    site.worker()
    const broker = await site.broker()
    const outcome = site.coordinate(broker, run)
    await site.reach(run, 8)
    await site.server.empty()
    // It has no blob yet, and the other one stays.
    site.worker({ cache: `${site.folder}/fresh` })
    t.strictSame(ending(await outcome), complete)
    t.strictSame(await faults(run), [])
    const there = await broker.objects.touch('blobs', run.manifest.blobs)
    t.equal(there.size, 2, 'the blobs were put back')
  },

  'a worker stands still for longer than its lock, and wakes up': async (t, site) => {
    const run = await site.study({ chunks: 12 })
    const zombie = site.worker({ sharedDir: run.dir, ms: 300 })
    const broker = await site.broker()
    const outcome = site.coordinate(broker, run)
    const chunk = await busy(site, zombie)
    zombie.kill('SIGSTOP')
    site.worker({ sharedDir: run.dir })
    t.strictSame(ending(await outcome), complete, 'others have done its chunk')
    const bytes = await readFile(run.chunkPath(chunk))
    zombie.kill('SIGCONT')
    const late = `"chunk":${String(chunk)},"rows":10,"statuses":{"converged":10},"seconds":0.3,"stored":"kept"`
    await until('what the zombie computed', () => site.log('event').some((line) => line.includes(late)))
    t.strictSame(await readFile(run.chunkPath(chunk)), bytes, 'the first file stays')
    t.strictSame(await faults(run), [])
    // It works on: its lock on the lost job harms nobody.
    const more = await makeStudy(`${site.folder}/more`, { chunks: 6 })
    t.strictSame(ending(await site.coordinate(broker, more)), complete)
    t.strictSame(await faults(more), [])
  },

  'jobs and deliveries come several times': async (t, site) => {
    const run = await site.study({ chunks: 12 })
    const broker = await site.broker()
    const jobs = Array.from({ length: 12 }, (_, chunk) => jobOf(run.manifest, run.manifestHash, chunk))
    await Promise.all([1, 2, 3].map(() => broker.queue.enqueue(jobs)))
    t.strictSame(await broker.queue.counts(), { waiting: 12, active: 0, failed: 0 })
    const worker = site.worker({ ms: 10 })
    t.strictSame(ending(await site.coordinate(broker, run)), complete)
    // What is done is queued and delivered once more, also as what it is not.
    await deliver(broker.objects, { study: run.manifest.id, chunk: 3 }, run.chunkPath(3))
    await deliver(broker.objects, { study: run.manifest.id, chunk: 5 }, run.chunkPath(4))
    await deliver(broker.objects, { study: run.manifest.id, chunk: 99 }, run.chunkPath(4))
    const [third, fifth, none, ...rest] = await deliveries(broker.objects, run.manifest.id).then((all) =>
      [...all].sort((a, b) => a.chunk - b.chunk),
    )
    t.equal(third && (await collect(broker.objects, run, third)), 'kept')
    t.equal(fifth && (await collect(broker.objects, run, fifth)), 'damaged')
    t.equal(none && (await collect(broker.objects, run, none)), 'damaged')
    t.strictSame(rest, [])
    await end(worker)
    site.worker({ ms: 10, sharedDir: run.dir })
    const begun = site.log('begin').length
    await broker.queue.enqueue(jobs)
    await until('an empty queue', async () => {
      const { waiting, active } = await broker.queue.counts()
      return waiting + active === 0
    })
    t.equal(site.log('begin').length, begun, 'what is there is not computed again')
    t.strictSame(await faults(run), [])
  },

  'two coordinators at once, in one folder and in two': async (t, site) => {
    const run = await site.study({ chunks: 16 })
    const twin = await openRun(run.dir)
    const blobs = new Map(
      await Promise.all(run.manifest.blobs.map(async (hash) => [hash, await run.blob(hash)] as const)),
    )
    const far = await createRun(`${site.folder}/far`, run.manifest, { blobs })
    site.worker({ ms: 20 })
    site.worker({ ms: 20 })
    const outcomes = await Promise.all(
      [run, twin, far].map(async (mine) => site.coordinate(await site.broker(), mine)),
    )
    t.strictSame(outcomes.map(ending), [complete, complete, complete])
    t.strictSame(await faults(run), [])
    t.strictSame(await faults(far), [])
  },

  'a broker that is down at first': async (t, site) => {
    const run = await site.study({ chunks: 4 })
    await site.server.kill()
    const error = await site.broker({ connectSeconds: 0.5 }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.match(error, {
      code: 'ERR_BROKER_UNREACHABLE',
      message: /no broker answered within 0.5 s.*Look at the broker/,
    })
    site.worker({ ms: 10 })
    const broker = site.broker()
    await sleep(500)
    await site.server.start()
    t.strictSame(ending(await site.coordinate(await broker, run)), complete)
  },

  'a chunk that kills whoever computes it': async (t, site) => {
    const run = await site.study({ chunks: 10 })
    const broker = await site.broker()
    const worker = site.worker({ ms: 10, poison: 4 })
    const { failed, ...rest } = ending(await site.coordinate(broker, run))
    t.strictSame(rest, { ending: 'drained', missing: 1 })
    t.strictSame(failed, [{ chunk: 4, reason: 'the process that computes died' }])
    t.equal(site.log('begin').filter((line) => line.startsWith('4 ')).length, 3, 'it was tried three times')
    t.strictSame(await faults(run, [4]), [])
    await end(worker)
    site.worker({ ms: 10 })
    t.strictSame(ending(await site.coordinate(broker, run)), complete, 'the next call tries it again')
    t.strictSame(await faults(run), [])
  },

  'a blob that is not what its name says, and jobs that are none': async (t, site) => {
    const run = await site.study({ chunks: 5 })
    const broker = await site.broker()
    const [blob = ''] = run.manifest.blobs
    await broker.objects.put({ group: 'blobs', name: blob }, one('planted'))
    const [job, other] = [2, 3].map((chunk) => jobOf(run.manifest, run.manifestHash, chunk))
    await broker.queue.enqueue([
      { ...(job as ChunkJob), programs: ['../../etc/passwd'] },
      { ...(other as ChunkJob), lo: 0 },
    ])
    site.worker({ ms: 10 })
    const { failed, ...rest } = ending(await site.coordinate(broker, run))
    t.strictSame(rest, { ending: 'drained', missing: 2 })
    t.match(failed, [
      { chunk: 2, reason: /no hashes of programs/ },
      { chunk: 3, reason: /it is not what its study has there/ },
    ])
    t.match(site.log('event').join(), /the bytes of blob [0-9a-f]{64} are not those of its name/)
    t.strictSame(await faults(run, [2, 3]), [])
    t.strictSame(ending(await site.coordinate(broker, run)), complete)
    t.strictSame(await faults(run), [])
  },

  'workers and coordinators that are asked to stop': async (t, site) => {
    const run = await site.study({ chunks: 8 })
    const broker = await site.broker()
    const stop = new AbortController()
    const interrupted = site.coordinate(broker, run, { signal: stop.signal })
    const slow = site.worker({ ms: 60_000 })
    const chunk = await busy(site, slow)
    await end(slow, 'SIGTERM')
    t.equal(slow.exitCode, 0)
    t.match(site.log('event').at(-1), `"event":"givenBack"`)
    t.strictSame(
      await broker.queue.counts(),
      { waiting: 8, active: 0, failed: 0 },
      `chunk ${String(chunk)} waits`,
    )
    stop.abort()
    t.strictSame(ending(await interrupted), { ending: 'drained', missing: 8, failed: [] })
    t.strictSame(await broker.queue.counts(), { waiting: 0, active: 0, failed: 0 }, 'the queue is empty')
    site.worker({ ms: 10 })
    t.strictSame(ending(await site.coordinate(broker, run)), complete, 'a resumed study')
    t.strictSame(await faults(run), [])
  },

  'a worker alone, which stops when nobody collects and when nothing is left': async (t, site) => {
    const run = await site.study({ chunks: 6, rows: 100 })
    const broker = await site.broker()
    await putBlobs(broker.objects, run)
    await broker.queue.enqueue(
      [0, 1, 2, 3, 4, 5].map((chunk) => jobOf(run.manifest, run.manifestHash, chunk)),
    )
    const events: WorkerEvent[] = []
    const working = work({
      broker,
      computer: fakeComputer({ ms: 5 }),
      cache: `${site.folder}/cache`,
      once: true,
      backlogBytes: 3000,
      onEvent: (event) => {
        events.push(event)
      },
    })
    await until('a worker that waits', () => events.some(({ event }) => event === 'waiting'))
    const waiting = await deliveries(broker.objects, run.manifest.id)
    t.ok(waiting.length > 1 && waiting.length < 6, `${String(waiting.length)} chunks wait to be collected`)
    t.strictSame(ending(await site.coordinate(broker, run)), complete)
    t.strictSame(await working, { chunks: 6, rows: 597, failed: 0 })
    t.strictSame(await faults(run), [])
  },
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** Runs all of them, one after the other, on one server. */
export const runScenarios = ({ name, start, missing }: BrokerUnderTest): void => {
  let server: TestServer | undefined
  t.teardown(() => server?.[Symbol.asyncDispose]())
  for (const [what, body] of Object.entries(scenarios)) {
    void t.test(`${name}: ${what}`, missing === undefined ? {} : { skip: missing }, async (t) => {
      server ??= await start()
      const site = await Site.open(server)
      t.teardown(() => site[Symbol.asyncDispose]())
      await body(t, site)
    })
  }
}
