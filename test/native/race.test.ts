// Jobs that several threads share, raced by a stand-alone program: native/tests/race says what it does to them. Here the
// jobs are made, from functions of every kind; under npm run test:sanitize, ThreadSanitizer watches the program.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import tap, { test } from 'tap'
import { sizeOf } from '../../lib/base/shape.js'
import { cond, matmul, scan, shared, sum, tensor, whileLoop } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { jobsOf } from '../../lib/runtime/compile.js'
import type { Job } from '../../lib/runtime/compile.js'
import { nativePath } from '../../lib/runtime/native.js'
import { normals, programs, spread } from '../pool/programs.js'
import type { Program } from '../pool/programs.js'
import { addon } from './program.js'

tap.setTimeout(600_000)

/** θ halved until it is small, each time by a loop of its own, and along one of two ways. */
const nested = (theta: Tensor, x: Tensor): Tensor =>
  whileLoop(
    ({ t }: { t: Tensor; x: Tensor }) => t.greater(0.5),
    ({ t, x }: { t: Tensor; x: Tensor }) => {
      const root = whileLoop(
        ({ y }: { y: Tensor }) => y.square().sub(t).abs().greater(1e-9),
        ({ y }: { y: Tensor }) => ({ y: y.add(t.div(y)).mul(0.5) }),
        { y: t.add(1) },
      ).y
      const [sums] = scan((s: Tensor) => [s.add(root).sin(), s], x, undefined, { length: 9, count: root })
      return {
        t: t.mul(0.5),
        x: cond(
          root.greater(1.5),
          () => sums.mul(0.9),
          () => sums.add(root),
        ),
      }
    },
    { t: theta, x },
  ).x

const own: readonly Program[] = [
  {
    name: 'loops within a loop',
    fn: nested,
    inputs: (batch) => [spread('nested', batch, 0.1, 50), normals('from', batch, 3)],
  },
  {
    name: 'a stage that all share before a loop',
    fn: (A: Tensor, theta: Tensor) => [sum(A), nested(theta, sum(matmul(A, A), [1]))],
    inputs: (batch) => [shared(normals('all', 3, 3)), spread('nested', batch, 0.1, 5)],
  },
  {
    name: 'nothing but what all share',
    fn: (A: Tensor, _theta: Tensor) => [matmul(A, A), nested(tensor(7), sum(A, [0]))],
    inputs: (batch) => [shared(normals('all', 3, 3)), spread('nested', batch, 0.1, 5)],
  },
]

/** The bytes that native/tests/race/case.h describes. */
const caseOf = ({ ready, inputs, batch }: Job): Uint8Array => {
  const { program } = ready
  const constants = program.constants.map(({ data }) => data)
  const outputs = program.outputs.map(
    ({ uniform, shape }) => new Float64Array(sizeOf(shape) * (uniform ? 1 : batch)),
  )
  addon.runProgram(addon.loadProgram(program.bytes, constants), inputs, outputs, batch)
  const status = program.reports.indexOf('status')
  const tallied = status < 0 ? -1 : program.outputs.length - program.reports.length + status
  const isTallied = tallied >= 0 && program.outputs[tallied]?.uniform === false
  const parts: Uint8Array[] = []
  const word = (x: number): void => void parts.push(new Uint8Array(BigInt64Array.of(BigInt(x)).buffer))
  const arrays = (list: readonly Float64Array[]): void => {
    word(list.length)
    for (const data of list) {
      word(data.length)
      parts.push(new Uint8Array(data.slice().buffer))
    }
  }
  word(batch)
  word(isTallied ? tallied : -1)
  word(program.bytes.length)
  parts.push(program.bytes, new Uint8Array((8 - (program.bytes.length % 8)) % 8))
  for (const list of [constants, inputs, outputs]) arrays(list)
  return Buffer.concat(parts)
}

test('threads that share a job', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-race-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const batch = 150
  for (const lanes of [1, 8, 16]) {
    for (const { name, fn, inputs } of [...programs, ...own]) {
      const job = jobsOf(fn, { lanes }).job(inputs(batch))
      writeFileSync(join(folder, `${name}, T = ${String(lanes)}`), caseOf(job))
    }
  }
  const path = join(process.env['ONESTEP_PROGRAMS'] ?? dirname(nativePath()), 'onestep_race')
  const rounds = process.env['ONESTEP_SOAK'] === '1' ? '2000' : '20'
  const { status, signal, stdout, stderr } = spawnSync(path, [folder, rounds], { encoding: 'utf8' })
  const suites = [...stdout.matchAll(/^race\s+(.+?)\s+(\d+) expectations, (\d+) failed/gm)]
  t.equal(suites.length, 3 * (programs.length + own.length) + 2, 'all jobs were run')
  for (const [, name, expectations, failed] of suites) {
    t.ok(Number(expectations) > 0 && failed === '0', `${String(name)}: ${String(expectations)} expectations`)
  }
  t.strictSame({ status, signal }, { status: 0, signal: null }, `${stdout}${stderr}`)
})
