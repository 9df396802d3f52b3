// The threads of a pool, and who may use them: first come, first served, a slice of time each where several wait.
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { fromRecord } from '../base/errorRecord.js'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { checkThreads, native } from '../runtime/native.js'
import type { Outcome } from '../runtime/native.js'
import type { SharedJob } from '../runtime/sharedJob.js'
import type { Answer, Participation } from './messages.js'

/** A job as the threads see it. */
export interface Client {
  readonly job: SharedJob
  /** Those of one group do not give way to each other. */
  readonly group: unknown
  /** Nothing else may run beside it. */
  readonly alone: boolean
}

/** How a participation ended; `died`: the thread is gone, and another one has its place. */
export type Ending = Outcome | { readonly died: Error }

interface Waiting {
  readonly client: Client
  readonly task: Participation
  readonly resolve: (ending: Ending) => void
  readonly reject: (error: Error) => void
}

/** Live threads are told to end before the process does: it waits for them. */
const live = new Set<Threads>()
const abortAll = (): void => {
  for (const threads of live) threads.abort()
}

export class Threads {
  readonly count: number
  private readonly piscina: Piscina<Participation, Answer>
  private readonly queue: Waiting[] = []
  private readonly clients = new Set<Client>()
  private readonly running = new Map<Promise<Ending>, Client>()
  private ending: Promise<void> | undefined

  constructor(count = availableParallelism()) {
    this.count = checkCount(count)
    this.piscina = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: count,
      maxThreads: count,
      idleTimeout: Infinity,
      // A thread that waits must hear of garbage, too: no blocking wait between tasks.
      atomics: 'disabled',
    })
    // A thread that dies rejects its task, which is where it is dealt with.
    this.piscina.on('error', () => undefined)
    if (live.size === 0) process.on('exit', abortAll)
    live.add(this)
  }

  get closed(): boolean {
    return this.ending !== undefined
  }

  /** A job begins; `leave` when no thread takes part in it any more. */
  enter(client: Client): void {
    this.clients.add(client)
  }

  leave(client: Client): void {
    this.clients.delete(client)
    this.balance()
  }

  /** Waits for a thread, and runs one participation on it. */
  async run(client: Client, task: Participation): Promise<Ending> {
    if (this.closed) return 'aborted'
    return new Promise((resolve, reject) => {
      this.queue.push({ client, task, resolve, reject })
      this.dispatch()
    })
  }

  /** Ends a job: those of its participations that have not begun never will. */
  cancel(client: Client): void {
    client.job.abort()
    for (let i = this.queue.length - 1; i >= 0; i--) {
      if (this.queue[i]?.client === client) this.queue.splice(i, 1)[0]?.resolve('aborted')
    }
    this.dispatch()
  }

  abort(): void {
    for (const client of this.clients) this.cancel(client)
  }

  /** Ends all jobs, waits until they have left the threads, and ends those. */
  async close(): Promise<void> {
    this.ending ??= this.end()
    return this.ending
  }

  private async end(): Promise<void> {
    this.abort()
    await Promise.allSettled(this.running.keys())
    live.delete(this)
    if (live.size === 0) process.removeListener('exit', abortAll)
    await this.piscina.destroy()
  }

  private dispatch(): void {
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const alone = next.client.alone || [...this.running.values()].some((client) => client.alone)
      if (this.running.size >= (alone ? 1 : this.count)) break
      this.queue.shift()
      this.start(next)
    }
    this.balance()
  }

  private start({ client, task, resolve, reject }: Waiting): void {
    const ending = this.participate(task)
    this.running.set(ending, client)
    void ending.then(resolve, reject).finally(() => {
      this.running.delete(ending)
      this.dispatch()
    })
  }

  private async participate(task: Participation): Promise<Ending> {
    let answer: Answer
    try {
      answer = await this.piscina.run(task)
    } catch (cause) {
      if (this.closed) return 'aborted'
      // What cannot be sent has killed nobody.
      if (cause instanceof Error && cause.name === 'DataCloneError') throw cause
      return { died: cause instanceof Error ? cause : new Error(String(cause)) }
    }
    if (answer.ok) return answer.outcome
    throw fromRecord(answer.error)
  }

  /** A job gives way as long as one of another group waits. */
  private balance(): void {
    const waiting = new Set(this.queue.map(({ client }) => client.group))
    for (const { job, group } of this.clients) job.giveWay(waiting.size > (waiting.has(group) ? 1 : 0))
  }
}

/** The most threads that this OpenBLAS was built for, callers or its own. */
export const mostBlasThreads = (check = native().selfCheck()): number =>
  Number(/MAX_THREADS=(\d+)/.exec(check.blas.config)?.[1] ?? Infinity)

/** @throws {ArgumentError | NativeError} when so many threads cannot call this BLAS at the same time */
const checkCount = (count: number): number => {
  if (!Number.isInteger(count) || count < 1) {
    throw new ArgumentError('a pool needs threads', {
      expected: 'a positive integer',
      received: String(count),
    })
  }
  const check = native().selfCheck()
  checkThreads(count, check)
  const most = mostBlasThreads(check)
  if (count <= most) return count
  throw new OnestepError('this OpenBLAS was built for fewer threads', {
    code: 'ERR_ARGUMENT',
    expected: `at most ${String(most)} threads`,
    received: String(count),
    remedy: 'Use fewer threads, or several processes',
  })
}
