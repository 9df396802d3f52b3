// A private server of a test: on a port of its own, with its data in a temporary folder, to be killed and started again at will.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** A broker that tests may mistreat. */
export interface TestServer {
  readonly url: string
  readonly port: number
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>
  /** On the same port, with the same data, unless it runs; ready when this resolves. */
  start(): Promise<void>
  /** All that the broker holds is gone, while it runs. */
  empty(): Promise<void>
  /** Ends it and removes its data. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Resolves once `holds` does. @throws after `seconds`, with what it waited for. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> => {
  for (const end = Date.now() + seconds * 1000; !(await holds()); await delay(20)) {
    if (Date.now() > end) throw new Error(`waited ${String(seconds)} s for ${what}`)
  }
}

export const exited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** Ends a child by a signal, and waits until it is gone. */
export const end = async (child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
  if (exited(child)) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

/** Starts a server in the background; what it says is in `output`. */
export const launch = (command: string, args: readonly string[], options: { readonly cwd: string }) => {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const add = (text: Buffer): void => {
    output = (output + text.toString()).slice(-4000)
  }
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  child.on('error', (error) => {
    output += String(error)
  })
  return { child, output: () => output }
}
