// Where a scenario takes place: an empty broker, folders, and workers that are ended whatever happens.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../lib/cluster/broker.js'
import type { Broker, BrokerOptions } from '../../lib/cluster/broker.js'
import { coordinate } from '../../lib/cluster/coordinate.js'
import type { Coordinated, CoordinateOptions } from '../../lib/cluster/coordinate.js'
import type { RunDirectory } from '../../lib/study/store/runDirectory.js'
import { end, until } from '../harness/server.js'
import type { TestServer } from '../harness/server.js'
import { makeStudy } from './study.js'
import type { StudyOptions } from './study.js'
import type { WorkerSettings } from './workerProcess.js'

/** Short, so that a lost worker is found soon. */
export const lockSeconds = 1.5

export class Site {
  readonly server: TestServer
  readonly folder: string
  private readonly children: ChildProcess[] = []
  private readonly brokers: Broker[] = []

  private constructor(server: TestServer, folder: string) {
    this.server = server
    this.folder = folder
  }

  static async open(server: TestServer): Promise<Site> {
    return new Site(server, await mkdtemp(join(tmpdir(), 'onestep-cluster-')))
  }

  study(options: StudyOptions): Promise<RunDirectory> {
    return makeStudy(join(this.folder, 'run'), options)
  }

  async broker(options: BrokerOptions = {}): Promise<Broker> {
    const broker = await openBroker(this.server.url, {
      lockSeconds,
      backoffSeconds: 0.2,
      attempts: 3,
      ...options,
    })
    this.brokers.push(broker)
    return broker
  }

  /** A worker in a process of its own; those of one machine share a cache. */
  worker(settings: Partial<WorkerSettings> = {}): ChildProcess {
    const all: WorkerSettings = {
      url: this.server.url,
      cache: join(this.folder, 'cache'),
      lockSeconds,
      ms: 100,
      log: join(this.folder, 'log'),
      ...settings,
    }
    const child = fork(fileURLToPath(new URL('workerProcess.js', import.meta.url)), [JSON.stringify(all)], {
      execArgv: [],
    })
    this.children.push(child)
    return child
  }

  /** Lines of the workers' log that begin with a word, without it. */
  log(word: string): readonly string[] {
    const path = join(this.folder, 'log')
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
    return lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
  }

  /** A coordinator that looks often; the test fails where it does not end. */
  coordinate(
    broker: Broker,
    run: RunDirectory,
    options: Partial<CoordinateOptions> = {},
  ): Promise<Coordinated> {
    const signal = AbortSignal.timeout(60_000)
    return coordinate({ broker, run, lookSeconds: 0.1, reconcileSeconds: 0.5, signal, ...options })
  }

  /** Waits until so many chunks are done. */
  async reach(run: RunDirectory, chunks: number): Promise<void> {
    await until(`${String(chunks)} chunks`, async () => {
      const done = await run.done()
      return done.reduce((sum, flag) => sum + flag, 0) >= chunks
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        // A stopped process takes no other signal.
        child.kill('SIGCONT')
        await end(child)
      }),
    )
    await Promise.all(this.brokers.map((broker) => broker.close()))
    await this.server.start()
    await this.server.empty()
    await rm(this.folder, { recursive: true, force: true })
  }
}
