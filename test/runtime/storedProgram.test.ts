// A program that was stored and opened again is the function it was made of, bit for bit; anything else is refused.
import { test } from 'tap'
import {
  Pool,
  compile,
  fixedPoint,
  hypergradient,
  implicit,
  linspace,
  matmul,
  shared,
  sumSquares,
  summed,
  tanh,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { fromExactJson, toExactJson } from '../../lib/base/exactJson.js'
import { openProgram, storeProgram } from '../../lib/runtime/storedProgram.js'
import type { ProgramParts, StoredProgram } from '../../lib/runtime/storedProgram.js'
import { array } from '../../lib/base/ndarray.js'
import { localExecutor } from '../../lib/runtime/executor.js'

const W = array([
  [0.3, -0.2],
  [0.1, 0.4],
])
const layer = fixedPoint({
  map: (x: Tensor, { theta }: { theta: Tensor }) => tanh(matmul(W, x).add(theta)),
  tol: 1e-12,
})
const problem = hypergradient({
  inner: layer,
  x0: [0, 0],
  outer: (x: Tensor, { theta }: { theta: Tensor }) => sumSquares(x).add(theta),
  strategy: implicit(),
  certificate: true,
})
const thetas = { theta: linspace(-1, 1, 100) }

/** As another process would: the record as text, the parts as plain bytes. */
const reopened = ({ record, parts }: ProgramParts, spoil = (_: Uint8Array, __: string): void => undefined) =>
  openProgram(fromExactJson(toExactJson(record)) as StoredProgram, (hash) => {
    const bytes = Uint8Array.from(parts.get(hash) as Uint8Array)
    spoil(bytes, hash)
    return bytes
  })

test('a stored program computes the same bits, here and on threads', async (t) => {
  const stored = reopened(storeProgram(problem, [thetas]))
  const expected = compile(problem).batch(thetas)
  const pool = new Pool({ threads: 2 })
  t.teardown(async () => pool.close())
  for (const executor of [localExecutor(), pool]) {
    const { value, status, certificate, iterations } = await executor.prepare(stored)([thetas])
    t.strictSame(value, expected.value)
    t.strictSame(status, expected.status)
    t.strictSame(iterations, expected.iterations)
    t.strictSame(certificate, expected.certificate)
  }
})

test('what is shared stays shared', async (t) => {
  const f = (x: Tensor, A: Tensor) => matmul(A, x)
  const inputs = [array([[1, 2]]), shared(W)] as const
  const stored = reopened(storeProgram(f, inputs))
  const run = localExecutor().prepare(stored)
  const { value } = await run([
    array([
      [1, 0],
      [0, 1],
    ]),
    shared(W),
  ])
  t.strictSame([...(value as { data: Float64Array }).data], [0.3, 0.1, -0.2, 0.4])
  await t.rejects(
    run([
      array([[1, 0]]),
      array([
        [
          [1, 0],
          [0, 1],
        ],
      ]),
    ]),
    { code: 'ERR_SHAPE' },
  )
})

test('refusals', async (t) => {
  const parts = storeProgram(problem, [thetas])
  const run = localExecutor().prepare(reopened(parts))
  await t.rejects(run([{ theta: array([[1, 2]]) }]), {
    code: 'ERR_SHAPE',
    message: /other arguments than it was made for/,
  })
  await t.rejects(run([{ lambda: linspace(0, 1, 3) }]), { code: 'ERR_SHAPE' })
  t.throws(() => localExecutor().prepare(reopened(parts), { lanes: 24 }), { message: /its number of lanes/ })
  t.throws(() => reopened(parts)(), { message: /cannot be called or traced/ })
  t.throws(() => compile(reopened(parts))(), { message: /cannot be called or traced/ })
  t.throws(() => storeProgram((x: Tensor) => summed(x), [linspace(0, 1, 3)]), { message: /summed outputs/ })
  for (const hash of parts.parts.keys()) {
    t.throws(
      () =>
        reopened(parts, (bytes, at) => {
          if (at === hash) bytes[bytes.length >> 1] = 1 ^ (bytes[bytes.length >> 1] as number)
        }),
      { message: /not what its hash says/ },
      hash,
    )
  }
  const { record } = parts
  const open = (changed: Partial<Record<keyof StoredProgram, unknown>>) => () =>
    reopened({ ...parts, record: { ...record, ...changed } as StoredProgram })
  t.throws(open({ version: 2 }), { message: /its format is another one/ })
  t.throws(open({ constants: [] }), { message: /its constants are others/ })
  t.throws(open({ reports: [] }), { message: /its outputs are others/ })
})
