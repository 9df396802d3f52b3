// A private server of a test: on a port of its own, with its data in a temporary folder, to be killed and started again at will.
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

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

/** A certificate for 127.0.0.1 that nobody has signed but itself, and its key: paths of PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes one in a folder. */
export const makeCertificate = async (folder: string): Promise<Certificate> => {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
  ])
  return { cert, key }
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
