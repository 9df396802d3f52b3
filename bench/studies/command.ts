// The command `onestep` as a process, with what it and its children have resident while it runs.
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))

/** Milliseconds between two looks at memory. */
const interval = 20

/** What a process said and took. */
export interface Finished {
  readonly stdout: string
  readonly seconds: number
  /** MiB resident in the process itself and in its largest child, each time that was looked. */
  readonly own: readonly number[]
  readonly child: readonly number[]
}

const statusOf = (pid: number | string): string => {
  try {
    return readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  } catch {
    return ''
  }
}

const residentMiB = (status: string): number => Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? NaN) / 1024

/** Resident memory of the children of a process. */
const children = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statusOf)
    .filter((status) => new RegExp(`^PPid:\\s*${String(pid)}$`, 'm').test(status))
    .map(residentMiB)

/** Runs the command. @throws {Error} with what it said on standard error when it failed */
export const onestep = async (
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> => {
  const begun = performance.now()
  const child = spawn(process.execPath, [main, ...args], {
    ...{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const [own, largest]: [number[], number[]] = [[], []]
  const timer = setInterval(() => {
    const { pid = 0 } = child
    const resident = residentMiB(statusOf(pid))
    if (Number.isFinite(resident)) own.push(resident)
    const held = children(pid).filter(Number.isFinite)
    if (held.length > 0) largest.push(Math.max(...held))
  }, interval)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(timer)
  if (code !== 0) throw new Error(`onestep ${args.join(' ')} ended with ${String(code)}: ${stderr}`)
  return { stdout, seconds: (performance.now() - begun) / 1000, own, child: largest }
}

/** The last event that `--reporter json` told. */
export const lastEvent = ({ stdout }: Finished): Readonly<Record<string, unknown>> =>
  JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Readonly<Record<string, unknown>>
