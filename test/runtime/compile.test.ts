// compile: what goes in, what comes out, what is refused, and what is computed only once.
import fc from 'fast-check'
import { test } from 'tap'
import { OnestepError } from '../../lib/base/errors.js'
import { shared } from '../../lib/base/executor.js'
import { NDArray, array, zeros } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { statusCode } from '../../lib/base/status.js'
import { whileLoop } from '../../lib/control/while.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { report, tensor } from '../../lib/ir/trace.js'
import { add, less, mul, where } from '../../lib/ops/elementwise.js'
import { matmul } from '../../lib/ops/linalg.js'
import { sum } from '../../lib/ops/reduce.js'
import { compile } from '../../lib/runtime/compile.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { gradientStatusNames, statusNames } from '../../lib/runtime/results.js'

const A = array([
  [2, 1],
  [0.5, 3],
])

/** x of Ax + λx = b by damped Richardson steps, as many as it takes; reports how many. */
const solveShifted = (lambda: Tensor, { b }: { readonly b: Tensor }) => {
  const step = add(lambda, 4).reciprocal()
  const residual = (x: Tensor): Tensor => matmul(A, x).add(mul(lambda, x)).sub(b)
  const [x, k] = whileLoop(
    ([u, i]: readonly [Tensor, Tensor]) => mul(less(1e-8, sum(residual(u).abs())), less(i, 500)),
    ([u, i]: readonly [Tensor, Tensor]) => [u.sub(mul(step, residual(u))), i.add(1)] as const,
    [tensor(zeros([2])), tensor(0)] as readonly [Tensor, Tensor],
  )
  report('iterations', k)
  report('residual', sum(residual(x).abs()))
  report('status', where(less(k, 500), statusCode.converged, statusCode.maxSteps))
  return { x, total: sum(x) }
}

const near = (x: number, y: number, tolerance = 1e-12): boolean =>
  Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x))
/** As far as the iteration goes. */
const solved = (x: number, y: number): boolean => near(x, y, 1e-8)

test('one instance: numbers and arrays in, numbers and arrays out', async (t) => {
  const f = compile(solveShifted)
  for (const b of [[1, 2], Float64Array.of(1, 2), array([1, 2]), { data: [1, 2], shape: [2] }]) {
    const { value, status, iterations, residual } = f(0.5, { b })
    const { data } = value.x as NDArray
    t.ok(solved(data[0] as number, 1.5 / 8.25) && solved(data[1] as number, 4.5 / 8.25))
    t.ok(solved(value.total as number, 6 / 8.25))
    t.ok(status === 'converged' && iterations > 5 && (residual as number) <= 1e-8)
  }
})

test('a list is one array when it starts with a number, and else a list of trees', async (t) => {
  const f = compile((x: Tensor, [y, z]: readonly [Tensor, Tensor]) => [x.sum().add(y), z.mul(2)] as const)
  const { value } = f([1, 2, 3], [array(4), Float64Array.of(5, 6)])
  t.equal(value[0], 10)
  t.strictSame([...(value[1] as NDArray).data], [10, 12])
})

test('a batch computes what its instances compute one by one, on any number of lanes', async (t) => {
  const batch = 37
  const lambdas = stream(5, 'lambda')
    .uniforms(batch)
    .map((u) => 10 * u)
  const b = new NDArray([batch, 2], stream(5, 'b').normals(2 * batch))
  const one = compile(solveShifted)
  for (const lanes of [1, 8, 16, 'auto'] as const) {
    const { value, iterations, residual, status } = compile(solveShifted, { lanes }).batch(lambdas, { b })
    t.strictSame(value.x.shape, [batch, 2])
    for (let i = 0; i < batch; i++) {
      const expected = one(lambdas[i] as number, { b: b.data.slice(2 * i, 2 * i + 2) })
      t.equal(iterations[i], expected.iterations)
      t.ok(near(value.total.data[i] as number, expected.value.total as number))
      t.ok(((residual as Float64Array)[i] as number) <= 1e-8)
    }
    t.strictSame(new Set(statusNames(status)), new Set(['converged']))
  }
})

test('shared arguments have no axis of instances', async (t) => {
  const f = compile(solveShifted)
  const { value } = f.batch([0.5, 1, 2], shared({ b: [1, 2] }))
  t.ok(near(value.total.data[1] as number, f(1, { b: [1, 2] }).value.total as number))
  t.equal(f.lower(0.5, shared({ b: [1, 2] })).inputs[1]?.uniform, true)
  // What depends on shared arguments only is there once for each instance all the same.
  const g = compile((x: Tensor, y: Tensor) => ({ x, y: y.mul(2) }))
  t.strictSame([...g.batch([1, 2, 3], shared([5, 6])).value.y.data], [10, 12, 10, 12, 10, 12])
})

test('batches of no and of one instance', async (t) => {
  const f = compile(solveShifted)
  const none = f.batch(new Float64Array(0), { b: zeros([0, 2]) })
  t.strictSame([none.batch, none.value.x.shape, none.status.length], [0, [0, 2], 0])
  const single = f.batch([0.5], { b: [[1, 2]] })
  t.ok(solved(single.value.total.data[0] as number, 6 / 8.25))
})

test('an instance that is not finite leaves the others bit for bit as they are', async (t) => {
  const lambdas = Float64Array.from({ length: 20 }, (_, i) => 0.1 * i)
  const broken = lambdas.slice()
  ;[broken[3], broken[11], broken[12]] = [NaN, Infinity, -Infinity]
  for (const lanes of [1, 8] as const) {
    const f = compile(solveShifted, { lanes })
    const good = f.batch(lambdas, shared({ b: [1, 2] })).value.x.data
    const bad = f.batch(broken, shared({ b: [1, 2] })).value.x.data
    lambdas.forEach((lambda, i) => {
      if (!Object.is(lambda, broken[i])) return
      t.ok(
        [0, 1].every((k) => Object.is(good[2 * i + k], bad[2 * i + k])),
        `instance ${i}`,
      )
    })
  }
})

test('the interpreter computes the same', async (t) => {
  const options = {
    lambda: fc.double({ min: 0, max: 5, noNaN: true }),
    b: fc.double({ min: -3, max: 3, noNaN: true }),
  }
  const native = compile(solveShifted)
  const interpreted = compile(solveShifted, { backend: 'interpreter' })
  fc.assert(
    fc.property(options.lambda, options.b, (lambda, b) => {
      const [p, q] = [native, interpreted].map((f) => f(lambda, { b: [b, 1] }))
      t.ok(p?.iterations === q?.iterations && near(p?.value.total as number, q?.value.total as number))
    }),
    { numRuns: 30, seed: 1 },
  )
  const lambda = [0.5, 1, 2]
  t.strictSame(
    [...interpreted.batch(lambda, shared({ b: [1, 2] })).iterations],
    [...native.batch(lambda, shared({ b: [1, 2] })).iterations],
  )
})

test('a function is traced once for each set of shapes', async (t) => {
  let traces = 0
  const f = compile((x: Tensor, { a, b }: { readonly a: Tensor; readonly b: Tensor }) => {
    traces++
    return x.mul(a).add(b)
  })
  f(1, { a: 2, b: 3 })
  t.equal(f(2, { b: 3, a: 2 }).value, 7, 'keys in another order')
  f(Float64Array.of(1, 2), { a: 2, b: 3 })
  f(array([1, 2]), { a: 2, b: 3 })
  f(1, { a: 2, b: 3 })
  t.equal(traces, 2)
  f.batch([1, 2], shared({ a: 2, b: 3 }))
  f.batch([1, 2, 3], { a: [1, 2, 3], b: [1, 2, 3] })
  t.equal(traces, 2, 'batches use the trace of their instances')
})

test('results are new arrays, and inputs are left alone', async (t) => {
  const f = compile((x: Tensor) => x.mul(2))
  const x = Float64Array.of(1, 2)
  const first = f(x).value as NDArray
  x[0] = 5
  const second = f(x).value as NDArray
  t.strictSame(
    [[...first.data], [...second.data], [...x]],
    [
      [2, 4],
      [10, 4],
      [5, 2],
    ],
  )
})

test('constants: copied when traced, and an error when they change', async (t) => {
  const c = Float64Array.of(1, 2, 3)
  const f = compile((x: Tensor) => x.mul(c).sum())
  t.equal(f(2).value, 12)
  c[1] = 5
  t.throws(() => f(2), { code: 'ERR_CONSTANT_CHANGED' })
  t.throws(() => f.batch([1, 2]), { code: 'ERR_CONSTANT_CHANGED' })
  c[1] = 2
  t.equal(f(2).value, 12, 'and none when they are as they were')
  const d = array([1, -0])
  const g = compile((x: Tensor) => x.mul(d).sum(), { backend: 'interpreter' })
  g(1)
  d.data[1] = 0
  t.throws(() => g(1), { code: 'ERR_CONSTANT_CHANGED' }, 'bit for bit')
})

test('the same contents are one constant', async (t) => {
  const numbers = stream(1, 'c').normals(100)
  const [p, q] = [new NDArray([100], numbers.slice()), new NDArray([10, 10], numbers.slice())]
  const program = compile((x: Tensor) =>
    x
      .mul(p)
      .sum()
      .add(q.data.length)
      .add(matmul(q, tensor(p).slice([0, 10])).sum()),
  ).lower(1)
  const hashes = program.constants.map(({ hash }) => hash)
  t.equal(new Set(hashes).size, hashes.length)
  t.equal(program.constants.filter(({ data }) => data.length === 100).length, 1)
})

const refusals: readonly {
  readonly name: string
  readonly run: () => unknown
  readonly says: RegExp
  readonly code?: string
}[] = [
  {
    name: 'two batch sizes',
    run: () => compile(solveShifted).batch([1, 2, 3], { b: zeros([2, 2]) }),
    says: /arguments\[1\]\.b has another number/,
    code: 'ERR_SHAPE',
  },
  {
    name: 'a single number in a batch',
    run: () => compile(solveShifted).batch(1, { b: zeros([2, 2]) }),
    says: /arguments\[0\] of a batch is a single number/,
  },
  {
    name: 'nothing but shared',
    run: () => compile(solveShifted).batch(shared(1), shared({ b: [1, 2] })),
    says: /shared arguments only/,
  },
  { name: 'no arguments in a batch', run: () => compile(() => tensor(1)).batch(), says: /no arguments/ },
  {
    name: 'shared outside a batch',
    run: () => compile(solveShifted)(shared(1) as never, { b: [1, 2] }),
    says: /marked as shared/,
  },
  {
    name: 'float32',
    run: () => compile((x: Tensor) => x)(new Float32Array(3) as never),
    says: /Float64Array\.from/,
  },
  {
    name: 'a string',
    run: () => compile((x: Tensor) => x)('1' as never),
    says: /arguments\[0\] is not an array/,
  },
  { name: 'ragged lists', run: () => compile((x: Tensor) => x)([[1, 2], [3]]), says: /ragged/ },
  {
    name: 'a wrong shape',
    run: () => compile(solveShifted)(1, { b: [1, 2, 3] }),
    says: /sub\(\[2\], \[3\]\)/,
    code: 'ERR_SHAPE',
  },
  {
    name: 'an unknown option',
    run: () => compile(solveShifted, { lane: 8 } as never),
    says: /lanes/,
    code: 'ERR_UNKNOWN_OPTION',
  },
  {
    name: 'an unknown backend',
    run: () => compile(solveShifted, { backend: 'gpu' as never }),
    says: /native or interpreter/,
  },
  { name: 'three lanes', run: () => compile(solveShifted, { lanes: 3 }), says: /multiple of 8/ },
  { name: 'no function', run: () => compile(3 as never), says: /takes a function/ },
  {
    name: 'a call inside a traced function',
    run: () => {
      const inner = compile((x: Tensor) => x.mul(2))
      return compile((x: Tensor) => inner(x as never).value)(1)
    },
    says: /not its compiled form/,
    code: 'ERR_TRACE',
  },
  { name: 'a result that is no array', run: () => compile(() => 'no' as never)(), says: /result/ },
]

for (const { name, run, says, code } of refusals) {
  test(`refused: ${name}`, async (t) => {
    t.throws(run, code === undefined ? { message: says } : { message: says, code })
    try {
      run()
    } catch (error) {
      t.ok(error instanceof OnestepError)
    }
  })
}

test('a function without solves reports that all is well', async (t) => {
  const f = compile((x: Tensor) => x.mul(2))
  const { status, gradientStatus, iterations } = f(1)
  t.strictSame([status, gradientStatus, iterations], ['converged', 'ok', 0])
  t.strictSame(gradientStatusNames(f.batch([1, 2]).gradientStatus), ['ok', 'ok'])
})

test('a report that is no code reads as not finite', async (t) => {
  const f = compile((x: Tensor) => {
    report('status', x)
    return x
  })
  t.strictSame(
    [0, 1, NaN, 77, 0.5].map((x) => f(x).status),
    ['converged', 'maxSteps', 'nonFinite', 'nonFinite', 'nonFinite'],
  )
  t.strictSame(statusNames(f.batch([0, 1, NaN, 77]).status), [
    'converged',
    'maxSteps',
    'nonFinite',
    'nonFinite',
  ])
})

test('the executor of this thread', async (t) => {
  const run = localExecutor().prepare(solveShifted)
  const count = 200_000
  const lambdas = Float64Array.from({ length: count }, (_, i) => i / count)
  const inputs = [lambdas, shared({ b: [1, 2] })]
  const whole = await run(inputs)
  const seen: number[] = []
  const sliced = await run(inputs, { onProgress: ({ done }) => seen.push(done), timeoutMs: 60_000 })
  t.strictSame({ ...sliced, run: 0 }, { ...whole, run: 0 }, 'slices make no difference')
  t.ok(
    seen.length > 1 &&
      seen[seen.length - 1] === count &&
      seen.every((n, i) => i === 0 || n >= (seen[i - 1] as number)),
  )
  t.equal(whole.run?.threads, 1)
  t.ok((whole.run?.laneSlots ?? 0) >= (whole.run?.laneIterations ?? 0))
  const controller = new AbortController()
  const cut = await run(inputs, {
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done > 0) controller.abort()
    },
  })
  const names = statusNames(cut.status)
  const ended = names.filter((name) => name === 'converged').length
  t.ok(ended >= 1 && ended < count, 'an aborted run keeps what it has')
  const x = (cut.value as { x: NDArray }).x.data
  t.ok(names.every((name, i) => (name === 'aborted') === Number.isNaN(x[2 * i])))
  t.ok(
    names.every(
      (name, i) => name === 'aborted' || x[2 * i] === (whole.value as { x: NDArray }).x.data[2 * i],
    ),
  )
  await t.rejects(run(inputs, { timeoutMs: 0 }), { message: /timeoutMs/ })
  await t.rejects(run(inputs, { timeout: 1 } as never), { code: 'ERR_UNKNOWN_OPTION' })
  await t.rejects(run(inputs, { memoryLimit: 100 }), {
    code: 'ERR_MEMORY_LIMIT',
    message: /Expected at least \d+ bytes/,
  })
})
