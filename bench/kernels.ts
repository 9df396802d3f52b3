// The kernels alone, beside what they replace: native/bench, a program of its own, run as a child and read line by line.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { OnestepError, cholesky, compile, luFactor, matmul, ones, zeros } from '../lib/index.js'
import type { Operand, Tensor } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'
import { atLeast, reported } from './figures.js'
import type { Figure } from './figures.js'

/** One line of native/bench: a name and numbers. */
type Line = Readonly<Record<string, number | string>>

/** Builds native/bench if it is stale, and runs those of its cases whose name starts with `prefix`. */
const run = (prefix: string): Line[] => {
  const root = packageRoot()
  const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--native'], {
    stdio: ['ignore', 2, 2],
  })
  const program = join(root, 'build', 'Release', 'onestep_bench')
  const { status, stdout, error } = spawnSync(program, [prefix], { encoding: 'utf8' })
  if (build.status === 0 && status === 0)
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
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

/** T that the planner chooses for a function of one array of a lane, of this shape. */
const planned = (fn: (x: Tensor) => Operand, shape: readonly number[]): number =>
  compile(fn).lower(zeros(shape)).lanes

/** The case of a kernel at the planner's T, or at the nearest T that native/bench measures. */
const atPlanned = (lines: readonly Line[], wanted: Line, lanes: number): Line => {
  const measured = lines
    .filter((line) => Object.entries(wanted).every(([key, value]) => line[key] === value))
    .map((line) => line['lanes'] as number)
  const nearest =
    measured.sort((a, b) => Math.abs(Math.log(a / lanes)) - Math.abs(Math.log(b / lanes)))[0] ?? lanes
  return find(lines, { ...wanted, lanes: nearest })
}

/** What the machine's BLAS can do at best, measured on one thread: GFLOP/s of dgemm. */
export const dgemmPeak = (): number => find(run('dgemm peak'), { name: 'dgemm peak' })['gflops'] as number

const products = (): Figure[] => {
  const lines = run('uniform')
  const peak = find(lines, { name: 'dgemm peak' })['gflops'] as number
  const fractions = (
    [
      [8192, 12],
      [512, 512],
    ] as const
  ).flatMap(([rows, cols]) => {
    const a = zeros([rows, cols])
    return (['uniform AX', "uniform A'Y"] as const).map((name) => {
      const T =
        name === 'uniform AX' ? planned((x) => matmul(a, x), [cols]) : planned((y) => matmul(y, a), [rows])
      const line = atPlanned(lines, { name, rows, cols }, T)
      const title = `${name} ${String(rows)}×${String(cols)}, T = ${String(line['lanes'])}: share of the dgemm peak`
      return atLeast(title, line['peakFraction'] as number, 0.8)
    })
  })
  return [reported('dgemm peak, GFLOP/s', peak), ...fractions]
}

const factorizations = (): Figure[] => {
  const cases = [
    {
      name: 'cholesky',
      title: 'lane Cholesky',
      fn: (a: Tensor) => cholesky(a),
      bars: { 4: 4, 8: 4, 16: 4, 32: 4 },
    },
    {
      name: 'lu',
      title: 'lane LU with a solve',
      fn: (a: Tensor) => luFactor(a).solve(ones([a.shape[0] as number])),
      bars: { 4: 4, 8: 4, 16: 4, 32: 2 },
    },
  ]
  return cases.flatMap(({ name, title, fn, bars }) => {
    const lines = run(name)
    return Object.entries(bars).map(([size, bar]) => {
      const n = Number(size)
      const line = atPlanned(lines, { name, n }, planned(fn, [n, n]))
      return atLeast(
        `${title}, n = ${size}, T = ${String(line['lanes'])}: times a loop of LAPACK calls`,
        line['speedup'] as number,
        bar,
      )
    })
  })
}

const logistic = (): Figure => {
  const speedup = find(run('logistic'), { name: 'logistic' })['speedup'] as number
  return atLeast(
    'logistic loss and gradient, kernels in a block: times scalar loops of the C library',
    speedup,
    3,
  )
}

/** Uniform products, small factorizations in lanes, and vector mathematics. */
export const kernelFigures = (): Figure[] => [...products(), ...factorizations(), logistic()]
