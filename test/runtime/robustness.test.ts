// Bad input, one row each: a clear error, or a status of its own instance while the others keep their bits.
import t from 'tap'
import {
  OnestepError,
  array,
  compile,
  gradientDescent,
  implicit,
  matmul,
  newton,
  oneStep,
  readArff,
  solve,
  statusNames,
  stream,
  sum,
  sumSquares,
  valueAndGrad,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { native } from '../../lib/runtime/native.js'

const random = stream(3, 'robustness')
const A = array(random.normals(60), [20, 3])
const b = array(random.normals(20, 60))

const ridge = newton({
  objective: (w: Tensor, lambda: Tensor) =>
    sumSquares(matmul(A, w).sub(b))
      .mul(0.5)
      .add(lambda.mul(0.5).mul(sumSquares(w))),
})
const loss = (lambda: Tensor) =>
  sumSquares(solve(ridge, { x0: [0, 0, 0], theta: lambda, strategy: oneStep() }))

const descent = gradientDescent({
  objective: (x: Tensor, theta: Tensor) => sum(x.sub(1).square().mul(theta).mul(0.5)),
  stepSize: 0.5,
  maxSteps: 400,
})
const slope = (theta: Tensor) => sum(solve(descent, { x0: [3], theta, strategy: implicit() }))

const rootOf = newton({
  residual: (x: Tensor, theta: Tensor) => x.square().add(theta.mul(0)),
  lineSearch: 'none',
})

const refused: readonly [string, () => unknown, string, RegExp][] = [
  ['a wrong shape', () => compile((w: Tensor) => matmul(A, w))([1, 2]), 'ERR_SHAPE', /robustness\.test/],
  [
    'another number of instances',
    () => compile((x: Tensor, y: Tensor) => x.add(y)).batch([1, 2, 3], [1, 2]),
    'ERR_SHAPE',
    /instances/,
  ],
  [
    'an unknown option of a solver',
    () => newton({ residual: (x: Tensor) => x, maxStep: 3 } as never),
    'ERR_UNKNOWN_OPTION',
    /maxSteps/,
  ],
  [
    'an unknown option of solve',
    () => compile((x: Tensor) => solve(ridge, { x0: [0, 0, 0], theta: x, strategi: oneStep() } as never))(1),
    'ERR_UNKNOWN_OPTION',
    /strategy/,
  ],
  [
    'an unknown option of compile',
    () => compile((x: Tensor) => x, { lane: 8 } as never),
    'ERR_UNKNOWN_OPTION',
    /lanes/,
  ],
  ['a ragged list', () => compile((x: Tensor) => x)([[1, 2], [3]] as never), 'ERR_SHAPE', /ragged/],
  [
    'single precision',
    () => compile((x: Tensor) => x)(new Float32Array(2) as never),
    'ERR_ARGUMENT',
    /float64/i,
  ],
  ['a Tensor that outlived its trace', leaked, 'ERR_TRACE', /outside/],
  [
    'a step size that is no number',
    () => gradientDescent({ objective: (x: Tensor) => sum(x), stepSize: -1 }),
    'ERR_ARGUMENT',
    /positive/,
  ],
]

function leaked(): unknown {
  let kept: Tensor | undefined
  compile((x: Tensor) => {
    kept = x
    return x
  })(1)
  return compile((x: Tensor) => x.add(kept as Tensor))(1)
}

t.test('refused with a code and a remedy', (t) => {
  for (const [name, act, code, message] of refused) {
    try {
      act()
      t.fail(`${name}: accepted`)
    } catch (error) {
      t.ok(error instanceof OnestepError, `${name}: ${String(error)}`)
      t.equal((error as OnestepError).code, code, name)
      t.match((error as OnestepError).message, message, name)
    }
  }
  t.end()
})

t.test('a missing data file', async (t) => {
  await t.rejects(readArff('/no/such/file.arff'), { code: 'ERR_DATA', message: /no\/such\/file\.arff/ })
})

t.test('a constant that was changed after tracing', (t) => {
  const own = new Float64Array([1, 2, 3])
  const f = compile((x: Tensor) => sum(x.mul(own)))
  t.equal(f([1, 1, 1]).value, 6)
  own[1] = 5
  t.throws(() => f([1, 1, 1]), { code: 'ERR_CONSTANT_CHANGED' })
  own[1] = 2
  t.equal(f([1, 1, 1]).value, 6, 'and back')
  const rows = [
    [1, 2],
    [3, 4],
  ]
  compile((x: Tensor) => matmul(rows, x))([1, 1])
  t.throws(() => {
    ;(rows[0] as number[])[1] = 7
  }, TypeError)
  t.end()
})

t.test('empty batches and batches of one', (t) => {
  const f = compile(valueAndGrad(loss))
  const none = f.batch(new Float64Array(0))
  t.equal(none.batch, 0)
  t.equal(none.value[0].data.length, 0)
  t.equal(none.status.length, 0)
  const one = f.batch([0.5])
  const many = f.batch([0.1, 0.5, 2])
  t.equal(one.value[1].data[0], many.value[1].data[1])
  t.end()
})

const bits = (x: number | undefined): bigint =>
  new BigUint64Array(new Float64Array([x ?? 0]).buffer)[0] as bigint

t.test('a failed instance has its own status and leaves its neighbours alone', (t) => {
  for (const lanes of [1, 8, 16]) {
    const f = compile(valueAndGrad(slope), { lanes })
    const good = Array.from({ length: 21 }, (_, i) => 0.5 + 0.1 * i)
    const clean = f.batch(good)
    const poison: readonly [number, string][] = [
      [NaN, 'nonFinite'],
      [Infinity, 'nonFinite'],
      [5, 'diverged'],
      [1e-9, 'converged'],
      [0.001, 'maxSteps'],
      [1e300, 'nonFinite'],
    ]
    const mixed = good.flatMap((theta, i) =>
      i % 4 === 0 ? [theta, (poison[(i / 4) % poison.length] as [number, string])[0]] : [theta],
    )
    const spoiled = f.batch(mixed)
    let at = 0
    good.forEach((_, i) => {
      t.equal(
        bits(spoiled.value[0].data[at]),
        bits(clean.value[0].data[i]),
        `value ${String(i)} at T = ${String(lanes)}`,
      )
      t.equal(
        bits(spoiled.value[1].data[at]),
        bits(clean.value[1].data[i]),
        `gradient ${String(i)} at T = ${String(lanes)}`,
      )
      t.equal(spoiled.status[at], clean.status[i])
      at++
      if (i % 4 === 0) {
        const [theta, expected] = poison[(i / 4) % poison.length] as [number, string]
        t.equal(statusNames(spoiled.status)[at], expected, `θ = ${String(theta)} at T = ${String(lanes)}`)
        at++
      }
    })
  }
  t.end()
})

t.test('a singular matrix', (t) => {
  const f = compile((theta: Tensor) => solve(rootOf, { x0: 0.5, theta }))
  t.equal(f.batch([0, 1]).status.length, 2)
  const flat = newton({ residual: (x: Tensor, theta: Tensor) => x.mul(0).add(theta), lineSearch: 'none' })
  const g = compile((theta: Tensor) => solve(flat, { x0: 1, theta }))
  t.equal(g(1).status, 'singular')
  t.strictSame(statusNames(g.batch([1, 0, 2]).status), ['singular', 'converged', 'singular'])
  t.end()
})

t.test('a corrupted Program is refused, never run', (t) => {
  const program = compile(valueAndGrad(loss)).lower(1)
  const constants = program.constants.map(({ data }) => data)
  t.ok(native().loadProgram(program.bytes, constants), 'the sound one loads')
  for (let i = 0; i < 200; i++) {
    const broken = Uint8Array.from(program.bytes)
    const at = Number(random.uniform(1000 + i) * broken.length) | 0
    broken[at] = (broken[at] as number) ^ (1 << (i % 8))
    t.throws(() => native().loadProgram(broken, constants), { code: 'ERR_PROGRAM' }, `byte ${String(at)}`)
  }
  t.throws(
    () => native().loadProgram(program.bytes.subarray(0, 40), constants),
    { code: 'ERR_PROGRAM' },
    'cut off',
  )
  t.throws(
    () => native().loadProgram(program.bytes, constants.slice(1)),
    { code: /ERR_/ },
    'a constant is missing',
  )
  t.end()
})
