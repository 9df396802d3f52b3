// onestep worker: computes chunks of whatever studies a broker has, until it is told to stop.
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { openBroker } from '../cluster/broker.js'
import { brokerError, brokerVariable, givenBroker } from '../cluster/security.js'
import { work } from '../cluster/worker.js'
import type { WorkerEvent, WorkSummary } from '../cluster/worker.js'
import { SafeComputer } from '../study/compute/isolate.js'
import type { Register } from './register.js'
import { exitCodes, Interrupts, jsonLine, threadsOf } from './studyRun.js'

export interface WorkerOptions {
  readonly broker?: string
  readonly threads?: string
  readonly cache: string
  readonly dir?: string
  readonly once?: boolean
  readonly insecureBroker?: boolean
  readonly lockSeconds: string
  readonly reporter: string
}

/** Milliseconds between two lines that say how far the worker is. */
const interval = 10_000

const defaultCache = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'onestep', 'worker')

interface Reports {
  readonly onEvent: (event: WorkerEvent) => void
  readonly onTrouble: (message: string) => void
  readonly begun: (broker: string) => void
  readonly ended: (summary: WorkSummary) => void
  readonly close: () => void
}

const name = `worker ${hostname()}-${String(process.pid)}`

const say = (text: string): void => {
  process.stderr.write(`${name}: ${text}\n`)
}

/** Lines for people on standard error: what goes wrong at once, how far it is now and then. */
const lines = (): Reports => {
  let [chunks, rows, failed] = [0, 0, 0]
  let [now, since] = ['waiting for work', Date.now()]
  const state = (text: string): void => {
    ;[now, since] = [text, Date.now()]
  }
  const timer = setInterval(() => {
    const seconds = ((Date.now() - since) / 1000).toFixed(0)
    say(`${String(chunks)} chunks, ${String(rows)} rows, ${String(failed)} failed; ${now} for ${seconds} s`)
  }, interval)
  timer.unref()
  return {
    onEvent: (event) => {
      state('waiting for work')
      if (event.event === 'claimed') state(`computing chunk ${String(event.chunk)} of ${event.study}`)
      if (event.event === 'waiting') say(`waits: ${event.reason}`)
      if (event.event === 'givenBack') say(`gives chunk ${String(event.chunk)} back`)
      if (event.event === 'done') {
        chunks++
        rows += event.rows
      }
      if (event.event === 'failed') {
        failed++
        say(`chunk ${String(event.chunk)} of ${event.study} failed: ${event.reason}`)
      }
    },
    onTrouble: (message) => {
      say(message)
    },
    begun: (broker) => {
      say(`takes chunks from ${broker}`)
    },
    ended: (summary) => {
      say(
        `${String(summary.chunks)} chunks, ${String(summary.rows)} rows, ${String(summary.failed)} failed; ended`,
      )
    },
    close: () => {
      clearInterval(timer)
    },
  }
}

/** A line of JSON for each event, on standard output. */
const jsonLines = (): Reports => ({
  onEvent: ({ event, ...fields }) => {
    jsonLine(event, fields)
  },
  onTrouble: (message) => {
    jsonLine('trouble', { message })
  },
  begun: (broker) => {
    jsonLine('begin', { broker, host: hostname(), pid: process.pid })
  },
  ended: (summary) => {
    jsonLine('end', summary)
  },
  close: () => undefined,
})

const silence: Reports = {
  onEvent: () => undefined,
  onTrouble: () => undefined,
  begun: () => undefined,
  ended: () => undefined,
  close: () => undefined,
}

const reports: Readonly<Record<string, () => Reports>> = {
  auto: lines,
  json: jsonLines,
  quiet: () => silence,
}

const reportsOf = (kind: string): Reports => {
  const make = Object.hasOwn(reports, kind) ? reports[kind] : undefined
  if (make !== undefined) return make()
  throw new ArgumentError('--reporter', { expected: Object.keys(reports).join(', '), received: kind })
}

const secondsOf = (text: string): number => {
  const value = text.trim() === '' ? NaN : Number(text)
  if (value > 0 && value < Infinity) return value
  throw new ArgumentError('--lock-seconds', { expected: 'a number above 0', received: JSON.stringify(text) })
}

/** Works; returns the exit code. */
export const workerCommand = async (options: WorkerOptions): Promise<number> => {
  const url = givenBroker(options.broker)
  if (url === undefined) {
    throw new ArgumentError('worker: no broker', {
      expected: '--broker URL',
      remedy: `Or set the variable ${brokerVariable}, which keeps the password off the command line`,
    })
  }
  const threads = threadsOf(options.threads)
  const lockSeconds = secondsOf(options.lockSeconds)
  const { onEvent, onTrouble, begun, ended, close } = reportsOf(options.reporter)
  const interrupts = new Interrupts()
  try {
    const broker = await openBroker(url, {
      ...{ lockSeconds, onTrouble, signal: interrupts.drain },
      insecure: options.insecureBroker === true,
    })
    try {
      begun(broker.masked)
      const summary = await work({
        ...{ broker, onEvent, drain: interrupts.drain, signal: interrupts.signal },
        computer: (blobs) => new SafeComputer({ blobs, threads }),
        cache: resolve(options.cache),
        once: options.once === true,
        ...(options.dir !== undefined && { sharedDir: resolve(options.dir) }),
      })
      ended(summary)
    } finally {
      await broker.close()
    }
  } catch (error) {
    if (error instanceof OnestepError && error.code === 'ERR_ABORTED') return exitCodes.interrupted
    // Errors of drivers may hold what they were told.
    throw error instanceof OnestepError ? error : brokerError('the worker failed', url, error)
  } finally {
    close()
    interrupts.close()
  }
  return interrupts.drain.aborted ? exitCodes.interrupted : exitCodes.done
}

/** Adds the command. */
export const registerWorker: Register = (program, finish) => {
  program
    .command('worker')
    .description('compute chunks of the studies that a broker has, until told to stop')
    .option('--broker <url>', `redis://, rediss:// or postgres://; default: the variable ${brokerVariable}`)
    .option('--threads <count>', 'threads; default one for each core')
    .option('--cache <folder>', 'for programs and data; workers of a machine may share it', defaultCache())
    .option('--dir <folder>', 'a run directory, or a folder of them, shared with whoever runs the study')
    .option('--once', 'end when the queue is empty')
    .option('--insecure-broker', 'allow a broker on another machine without a password or TLS')
    .option('--lock-seconds <seconds>', 'after so long a worker that says nothing counts as lost', '30')
    .option('--reporter <kind>', 'auto (lines), json (a line of JSON for each event), quiet', 'auto')
    .addHelpText(
      'after',
      `
A study is put into the queue by: onestep run study.yaml --broker URL. Workers need nothing of it: no study file, no problem, no data.
Ctrl-C or SIGTERM: the chunk under way has 20 seconds to end, and is given back then; once more gives it back at once.

Exit codes: 0 the queue is empty (--once); 1 failed, or the broker does not answer; 2 wrong use, or a broker that is refused as unsafe; 130 told to stop.

Examples:
  onestep worker --broker redis://localhost:6379 --dir runs
  ONESTEP_BROKER='postgres://onestep:PASSWORD@db.example/onestep?sslmode=verify-full' onestep worker --once`,
    )
    .action(async (options: WorkerOptions) => {
      finish(await workerCommand(options))
    })
}
