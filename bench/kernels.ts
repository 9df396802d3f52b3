// The kernels alone, beside what they replace: native/bench, a program of its own, run as a child and read line by line.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { OnestepError, compile, matmul, array } from '../lib/index.js'
import type { Tensor } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'
import { atLeast, reported } from './figures.js'
import type { Figure } from './figures.js'

/** One line of native/bench: a name and numbers. */
type Line = Readonly<Record<string, number | string>>

/** Builds native/bench if it is stale, and runs those of its cases whose name starts with `prefix`. */
const run = (prefix: string): Line[] => {
  const root = packageRoot()
  const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--native'], { stdio: ['ignore', 2, 2] })
  const program = join(root, 'build', 'Release', 'onestep_bench')
  const { status, stdout, error } = spawnSync(program, [prefix], { encoding: 'utf8' })
  if (build.status === 0 && status === 0) return stdout.trim().split('\n').map((line) => JSON.parse(line) as Line)
  throw new OnestepError(`native/bench does not run: ${error?.message ?? `status ${String(status)}`}`, {
    code: 'ERR_BENCH',
    remedy: 'Type: npm run build -- --native',
  })
}

const find = (lines: readonly Line[], wanted: Line): Line => {
  const line = lines.find((entry) => Object.entries(wanted).every(([key, value]) => entry[key] === value))
  if (line !== undefined) return line
  throw new OnestepError(`native/bench has no case ${JSON.stringify(wanted)}`, {
    code: 'ERR_BENCH',
    remedy: 'Type: npm run build -- --native, or correct bench/kernels.ts',
  })
}

/** T that the planner chooses for the product of a shared matrix with a vector of each lane. */
const plannedLanes = (rows: number, cols: number): number => {
  const a = array(new Float64Array(rows * cols).fill(1), [rows, cols])
  return compile((x: Tensor) => matmul(a, x)).lower(new Float64Array(cols)).lanes
}
