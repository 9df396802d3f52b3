// A worker in a process of its own, that computes with the fake. SIGTERM drains it.
import { appendFileSync } from 'node:fs'
import { openBroker } from '../../lib/cluster/broker.js'
import { work } from '../../lib/cluster/worker.js'
import { fakeComputer } from './study.js'

export interface WorkerSettings {
  readonly url: string
  readonly cache: string
  readonly sharedDir?: string
  readonly lockSeconds: number
  readonly ms: number
  readonly poison?: number
  /** A line for each chunk that is begun, and for what goes wrong. */
  readonly log: string
}

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings
const { url, cache, sharedDir, lockSeconds, ms, poison, log } = settings
const say = (text: string): void => {
  appendFileSync(log, `${text}\n`)
}

const drain = new AbortController()
process.once('SIGTERM', () => {
  drain.abort()
})

const broker = await openBroker(url, {
  lockSeconds,
  backoffSeconds: 0.2,
  attempts: 3,
  onTrouble: (message) => {
    say(`trouble ${message}`)
  },
})
say(`ready ${String(process.pid)}`)
const computer = fakeComputer({
  ms,
  ...(poison !== undefined && { poison }),
  onBegin: (chunk) => {
    say(`begin ${String(chunk)} ${String(process.pid)}`)
  },
})
await work({
  broker,
  computer,
  cache,
  ...(sharedDir !== undefined && { sharedDir }),
  drain: drain.signal,
  graceSeconds: 0.2,
  onEvent: (event) => {
    say(`event ${JSON.stringify(event)}`)
  },
})
await broker.close()
