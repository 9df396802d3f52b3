// What an explanation says: operations, bytes, and the memory of a job before it runs.
import { test } from 'tap'
import { full } from '../../lib/base/ndarray.js'
import { whileLoop } from '../../lib/control/while.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { tensor } from '../../lib/ir/trace.js'
import { less } from '../../lib/ops/elementwise.js'
import { matmul } from '../../lib/ops/linalg.js'
import { decode } from '../../lib/program/decode.js'
import {
  choosePositions,
  defaultInternalBytes,
  explain,
  formatExplanation,
  predictMemory,
} from '../../lib/program/explain.js'
import { compile } from '../../lib/runtime/compile.js'
import { native } from '../../lib/runtime/native.js'

/** ten steps of x ← step(x), from `x0`. */
const iterate = (x0: Tensor, step: (x: Tensor) => Tensor): Tensor =>
  whileLoop(
    ([, k]: readonly [Tensor, Tensor]) => less(k, 10),
    ([u, k]: readonly [Tensor, Tensor]) => [step(u), k.add(1)] as const,
    [x0, tensor(0)] as readonly [Tensor, Tensor],
  )[0]

test('operations and bytes', async (t) => {
  const a = full([300, 20], 0.5)
  const f = compile(
    (x: Tensor, lambda: Tensor) => iterate(x, (u) => matmul(tensor(a).T, matmul(a, u)).mul(lambda)),
    { lanes: 8 },
  )
  const explanation = f.explain(new Array<number>(20).fill(0), 0)
  const [loop] = explanation.stages
  const flops = loop?.instructions.reduce((total, instruction) => total + instruction.flops, 0)
  t.equal(flops, 2 * 2 * 300 * 20 + 20 + 1 + 1, 'two products, the scaling, the counter and the condition')
  t.equal(explanation.memory.constants, 8 * 300 * 20)
  t.equal(explanation.memory.portsPerInstance, 8 * (20 + 1 + 20))
  t.match(
    formatExplanation(explanation, { batch: 1000 }),
    /8 lanes a tile[\s\S]*1000 instances[\s\S]*stage 0: loop[\s\S]*matmul/,
  )
  t.strictSame(
    explanation.predictions.map(({ lanes }) => lanes),
    [1, 8, 16, 24, 32, 64],
  )
})

const MiB = 2 ** 20
/** A program of 8 lanes with so many bytes of everything. */
const planned = (internalPerInstance: number) => ({
  lanes: 8,
  memory: { constants: 1000, uniform: 200, tile: 4096, portsPerInstance: 24, internalPerInstance },
})

// Columns: bytes an instance leaves between stages, batch, threads, positions asked for, positions that it has.
const jobs: readonly (readonly [number, number, number, number | undefined, number])[] = [
  [8, 0, 1, undefined, 1],
  [8, 1, 4, undefined, 1],
  [8, 1000, 4, undefined, 1000],
  [8, 1001, 4, undefined, 1001],
  [8, 1_000_000, 4, undefined, 65536],
  [0, 1_000_000, 4, undefined, 65536],
  [4096, 1_000_000, 4, undefined, 65536],
  [4097, 1_000_000, 4, undefined, 65520],
  [MiB, 1_000_000, 4, undefined, 256],
  [100 * MiB, 1_000_000, 1, undefined, 8],
  [100 * MiB, 1_000_000, 4, undefined, 32],
  [100 * MiB, 20, 4, undefined, 20],
  [8, 1_000_000, 4, 512, 512],
  [8, 1_000_000, 4, 70_000, 65536],
  [8, 100, 4, 512, 100],
]

test('the memory of a job is predicted', async (t) => {
  for (const [internalBytes, batch, threads, asked, positions] of jobs) {
    const job = { batch, threads, ...(asked === undefined ? {} : { positions: asked }) }
    const [tiles, ports, internal] = [threads * 4096, 24 * batch, positions * internalBytes]
    t.strictSame(predictMemory(planned(internalBytes), job), {
      constants: 1000,
      uniform: 200,
      tiles,
      ports,
      internal,
      working: 200 + tiles + internal,
      total: 1000 + 200 + tiles + ports + internal,
      positions,
    })
  }
  t.equal(choosePositions(planned(MiB), { batch: 1000, threads: 2 }, 100 * MiB), 96)
  const wrong = [{ batch: -1 }, { batch: 1.5 }, { batch: 1, threads: 0 }, { batch: 1, positions: 0 }]
  for (const job of wrong) t.throws(() => predictMemory(planned(8), job), { message: /whole number/ })
  t.throws(() => predictMemory(planned(8), { batch: 1, thread: 2 } as never), { code: 'ERR_UNKNOWN_OPTION' })
})

test('a program with two stages has memory between them', async (t) => {
  const two = (x: Tensor): Tensor => iterate(iterate(x, (u) => u.sin()).mul(x), (u) => u.cos())
  const program = compile(two, { lanes: 8 }).lower(new Array<number>(20).fill(0))
  const layout = decode(program.bytes)
  const slots = layout.slots.filter(({ kind }) => kind === 'internal')
  t.ok(slots.length > 0)
  const explanation = explain(program)
  const each = 8 * slots.reduce((total, { size }) => total + size, 0)
  const prediction = predictMemory(explanation, { batch: 80, threads: 3 })
  t.equal(prediction.internal, 80 * each)
  t.equal(prediction.tiles, 3 * 8 * layout.tileArena)
  t.equal(prediction.ports, 80 * 8 * 40)
  const [, , head, ...rows] = formatExplanation(explanation, { batch: 80, threads: 3, positions: 16 }).split(
    '\n',
  )
  t.match(head, /^memory of 80 instances on 3 threads: /)
  for (const [i, row] of [
    /^ {2}constants +0 B$/,
    /^ {2}uniform +0 B$/,
    /^ {2}tiles of the threads .* = 3 × /,
    /^ {2}inputs and outputs +25\.0 KiB = 80 × 320 B$/,
    new RegExp(`^ {2}between stages .* = 16 × ${String(each)} B$`),
  ].entries()) {
    t.match(rows[i], row)
  }
})

test('the executor has as many instances under way as are predicted', async (t) => {
  const two = (x: Tensor): Tensor => iterate(iterate(x, (u) => u.sin()).mul(x), (u) => u.cos())
  for (const size of [1, 1000, 20_000]) {
    const program = compile(two, { lanes: 8 }).lower(new Array<number>(size).fill(0))
    const handle = native().loadProgram(
      program.bytes,
      program.constants.map(({ data }) => data),
    )
    for (const batch of [0, 1, 13, 1000, 1_000_000]) {
      for (const [threads, bytes] of [
        [1, defaultInternalBytes],
        [7, defaultInternalBytes],
        [7, 1],
        [3, 50 * MiB],
      ] as const) {
        const { positions } = native().planJob(handle, batch, threads, bytes)
        t.equal(choosePositions(explain(program), { batch, threads }, bytes), positions)
      }
    }
  }
})
