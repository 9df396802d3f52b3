// What the passes of the lowering do, seen in the Program: stages, hoisting, fusion, memory, lanes.
import { test } from 'tap'
import { array, full, zeros } from '../../lib/base/ndarray.js'
import type { Shape } from '../../lib/base/shape.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { tensor, traceGraph } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import { decode } from '../../lib/program/decode.js'
import { describe } from '../../lib/program/describe.js'
import type { Layout } from '../../lib/program/format.js'
import type { Instruction } from '../../lib/program/instruction.js'
import { lower } from '../../lib/program/lower.js'
import type { LowerOptions, Program } from '../../lib/program/lower.js'
import { less, mul } from '../../lib/ops/elementwise.js'
import { choleskyFactor, gram, matmul } from '../../lib/ops/linalg.js'
import { broadcast, slice } from '../../lib/ops/movement.js'
import { sum } from '../../lib/ops/reduce.js'
import { prepareForLowering } from '../../lib/transform/simplify.js'

type Fn = (...inputs: Tensor[]) => readonly Operand[]

const lowered = (fn: Fn, shapes: readonly Shape[], options: Partial<LowerOptions> = {}): Program => {
  const { graph } = traceGraph((inputs) => fn(...inputs), shapes)
  return lower(prepareForLowering(graph), { uniform: shapes.map(() => false), lanes: 8, ...options })
}

const blocks = (instruction: Instruction<number>): readonly Instruction<number>[] => {
  if (instruction.kind === 'while') return [...instruction.condition, ...instruction.body]
  if (instruction.kind === 'scan') return instruction.body
  return instruction.kind === 'cond' ? [...instruction.then, ...instruction.else] : []
}

const nameOf = (instruction: Instruction<number>): string =>
  instruction.kind === 'kernel'
    ? instruction.kernel
    : instruction.kind === 'fused'
      ? instruction.steps.map(({ kernel }) => kernel).join('+')
      : instruction.kind

/** The names of the instructions of each stage, those of inner blocks behind the one that holds them. */
const stagesOf = (program: Program): readonly (readonly [string, readonly string[]])[] => {
  const names = (code: readonly Instruction<number>[]): string[] =>
    code.flatMap((i) => [nameOf(i), ...names(blocks(i))])
  return decode(program.bytes).stages.map((stage) => [
    stage.kind,
    names(stage.kind === 'loop' ? blocks(stage.loop) : stage.code),
  ])
}

/** ten steps of x ← step(x), from `x0`. */
const iterate = (x0: Operand, step: (x: Tensor) => Tensor): Tensor => {
  const [x] = whileLoop(
    ([, k]: readonly [Tensor, Tensor]) => less(k, 10),
    ([u, k]: readonly [Tensor, Tensor]) => [step(u), k.add(1)] as const,
    [tensor(x0), tensor(0)] as readonly [Tensor, Tensor],
  )
  return x
}

const stageRows: readonly {
  readonly name: string
  readonly fn: Fn
  readonly shapes: readonly Shape[]
  readonly uniform?: readonly boolean[]
  readonly kinds: readonly string[]
}[] = [
  { name: 'straight-line code is one stage', fn: (x) => [sum(x.exp())], shapes: [[3]], kinds: ['straight'] },
  {
    name: 'what is shared is a uniform stage',
    fn: (x) => [sum(x.exp())],
    shapes: [[3]],
    uniform: [true],
    kinds: ['uniform'],
  },
  {
    name: 'a loop from constants needs nothing before it',
    fn: (x) => [iterate(zeros([3]), (u) => u.sin().add(x))],
    shapes: [[3]],
    kinds: ['loop'],
  },
  {
    name: 'code before and behind a loop',
    fn: (x) => [iterate(x.exp(), (u) => u.sin()).square()],
    shapes: [[3]],
    kinds: ['straight', 'loop', 'straight'],
  },
  {
    name: 'two loops that do not know each other',
    fn: (x) => [iterate(x, (u) => u.sin()), iterate(x, (u) => u.cos())],
    shapes: [[3]],
    kinds: ['loop', 'loop'],
  },
  {
    name: 'a loop behind a loop',
    fn: (x) => [
      iterate(
        iterate(x, (u) => u.sin()),
        (u) => u.cos(),
      ),
    ],
    shapes: [[3]],
    kinds: ['loop', 'loop'],
  },
  {
    name: 'code between loops',
    fn: (x) => [iterate(iterate(x, (u) => u.sin()).square(), (u) => u.cos())],
    shapes: [[3]],
    kinds: ['loop', 'straight', 'loop'],
  },
  {
    name: 'code that only the end needs is not at the beginning',
    fn: (x) => [iterate(x, (u) => u.sin()).add(x.exp())],
    shapes: [[3]],
    kinds: ['loop', 'straight'],
  },
  {
    name: 'a scan is an instruction',
    fn: (x) => scan((u: Tensor) => [u.sin(), u] as const, x, undefined, { length: 3 }),
    shapes: [[3]],
    kinds: ['straight'],
  },
  {
    name: 'a uniform loop is an instruction',
    fn: (x, y) => [iterate(y, (u) => u.sin()).add(x)],
    shapes: [[3], [3]],
    uniform: [false, true],
    kinds: ['uniform', 'straight'],
  },
  {
    name: 'an input that is an output',
    fn: (x, y) => [x, y, x],
    shapes: [[3], [2]],
    uniform: [false, true],
    kinds: ['straight'],
  },
  { name: 'nothing but a constant', fn: () => [tensor(2)], shapes: [[3]], kinds: ['uniform'] },
]

for (const { name, fn, shapes, uniform, kinds } of stageRows) {
  test(`stages: ${name}`, async (t) => {
    const program = lowered(fn, shapes, { uniform: uniform ?? shapes.map(() => false) })
    t.strictSame(
      stagesOf(program).map(([kind]) => kind),
      kinds,
      describe(program.bytes),
    )
  })
}

test('a loop loads and stores no more than it must', async (t) => {
  const program = lowered((x, lambda) => [iterate(x, (u) => mul(lambda, u.sin()))], [[100], []])
  const [stage] = decode(program.bytes).stages as [Extract<Layout['stages'][number], { kind: 'loop' }>]
  t.equal(stage.loads.length, 3, 'x, lambda, and the counter from a constant')
  t.equal(stage.loads.filter(({ source }) => source < 0).length, 1)
  t.equal(stage.stores.length, 1)
  t.equal(decode(program.bytes).slots.filter(({ kind }) => kind === 'internal').length, 0)
})

const matrix = full([4, 4], 0.1)
const hoisting: readonly {
  readonly name: string
  readonly fn: Fn
  readonly shapes: readonly Shape[]
  readonly uniform?: readonly boolean[]
  readonly budget?: number
  /** What must be in the loop, and what must not. */
  readonly inside: readonly string[]
  readonly outside: readonly string[]
}[] = [
  {
    name: 'a factorization of a shared matrix is computed once a job',
    fn: (x, a) => [iterate(x, (u) => choleskyFactor(a.add(matmul(a, a))).solve(u))],
    shapes: [[4], [4, 4]],
    uniform: [false, true],
    inside: ['choleskySolve'],
    outside: ['cholesky', 'matmul'],
  },
  {
    name: 'from a loop in a loop',
    fn: (x, a) => [iterate(x, (u) => iterate(u, (w) => choleskyFactor(a).solve(w)).sin())],
    shapes: [[4], [4, 4]],
    uniform: [false, true],
    inside: ['choleskySolve'],
    outside: ['cholesky'],
  },
  {
    name: 'a Gram matrix of a lane is computed before the loop',
    fn: (x, w) => [iterate(x, (u) => matmul(gram(matrix, w), u))],
    shapes: [[4], [4]],
    inside: ['matmul'],
    outside: ['gram'],
  },
  {
    name: 'but not when there is no room to keep it',
    fn: (x, w) => [iterate(x, (u) => matmul(gram(full([100, 100], 1), w), u))],
    shapes: [[100], [100]],
    budget: 1000,
    inside: ['gram'],
    outside: [],
  },
  {
    name: 'an exponential is kept',
    fn: (x, y) => [iterate(x, (u) => u.mul(y.exp()))],
    shapes: [[1000], [1000]],
    inside: [],
    outside: ['exp'],
  },
  {
    name: 'a negation is not worth it',
    fn: (x, y) => [iterate(x, (u) => u.mul(y.neg()))],
    shapes: [[1000], [1000]],
    inside: ['neg'],
    outside: [],
  },
  {
    name: 'a small one is',
    fn: (x, y) => [iterate(x, (u) => u.mul(y.neg()))],
    shapes: [[4], []],
    inside: [],
    outside: ['neg'],
  },
]

for (const { name, fn, shapes, uniform, budget, inside, outside } of hoisting) {
  test(`hoisting: ${name}`, async (t) => {
    const program = lowered(fn, shapes, {
      uniform: uniform ?? shapes.map(() => false),
      ...(budget === undefined ? {} : { hoistBudgetBytes: budget }),
    })
    const loop = stagesOf(program).flatMap(([kind, names]) => (kind === 'loop' ? names : []))
    const words = loop.flatMap((text) => text.split('+'))
    for (const kernel of inside)
      t.ok(words.includes(kernel), `${kernel} is in the loop\n${describe(program.bytes)}`)
    for (const kernel of outside)
      t.notOk(words.includes(kernel), `${kernel} is not in the loop\n${describe(program.bytes)}`)
  })
}

test('elementwise operations of one shape are one instruction', async (t) => {
  const names = (fn: Fn, shapes: readonly Shape[]): readonly string[] =>
    stagesOf(lowered(fn, shapes)).flatMap(([, list]) => list)
  t.strictSame(
    names((x, y) => [x.mul(y).add(3).exp().sub(x)], [[5], [5]]),
    ['mul+add+exp+sub'],
  )
  t.strictSame(
    names((x, y) => [broadcast(x, [4, 5]).mul(y)], [[5], [4, 5]]),
    ['mul'],
    'a broadcast is an operand',
  )
  t.strictSame(
    names(
      (x, y) => [
        x
          .reshape([5, 1])
          .mul(y.reshape([5, 1]))
          .reshape([5])
          .sin(),
      ],
      [[5], [5]],
    ),
    ['mul+sin'],
    'axes of size 1 do not count',
  )
  t.strictSame(
    names((x) => [sum(x.exp()).sin().add(1)], [[5]]),
    ['exp', 'sum', 'sin+add'],
  )
  t.strictSame(
    names((x) => [x.sub(x.sum().sin())], [[5]]),
    ['sum', 'sin', 'sub'],
  )
  // sin(x) is needed behind the sum only: it waits for it.
  t.strictSame(
    names((x) => [x.sin().mul(x.sum())], [[5]]),
    ['sum', 'sin+mul'],
  )
})

test('a group without end is cut, and none takes more registers than fit in L1', async (t) => {
  const program = lowered(
    (x, y) => {
      let terms = Array.from({ length: 40 }, (_, i) => x.mul(i + 2).sin())
      for (let i = 0; i < 3; i++)
        terms = terms.map((term, k) => term.mul(terms[(7 * k + i) % 40] as Tensor).add(y))
      return [terms.reduce((a, b) => a.add(b))]
    },
    [[500], [500]],
  )
  const [stage] = decode(program.bytes).stages as [Extract<Layout['stages'][number], { kind: 'straight' }>]
  t.ok(stage.code.length > 3)
  for (const instruction of stage.code) {
    if (instruction.kind !== 'fused') continue
    t.ok(instruction.registers <= 10 || instruction.steps.length === 1)
    t.ok(instruction.steps.length <= 48)
  }
})

test('memory is used again', async (t) => {
  const a = full([100, 100], 0.1)
  const chain: Fn = (x) => {
    let u = x
    for (let i = 0; i < 30; i++) u = matmul(a, u.sin().mul(u).add(i))
    return [u]
  }
  const { tileArena, lanes } = decode(lowered(chain, [[100]]).bytes)
  t.equal(tileArena / lanes, 200, 'a product needs two places, elementwise code none of its own')
})

test('a result is computed where its carry lies when no lane can keep the old one', async (t) => {
  const copies = (fn: Fn, lanes: number, inner = false): number => {
    const [stage] = decode(lowered(fn, [[100]], { lanes }).bytes).stages
    const outer = stage?.kind === 'loop' ? stage.loop : stage?.code.find(({ kind }) => kind === 'scan')
    const loop = inner && outer?.kind === 'while' ? outer.body.find(({ kind }) => kind === 'while') : outer
    if (loop?.kind !== 'while' && loop?.kind !== 'scan') throw new Error('there is no loop')
    return loop.carries.filter((carry, i) => carry !== loop.results[i]).length
  }
  const a = full([100, 100], 0.01)
  const plain: Fn = (x) => [iterate(x, (u) => u.sin().add(1))]
  t.equal(copies(plain, 1), 0)
  t.equal(copies(plain, 8), 0, 'what has ended leaves its lane')
  const nested: Fn = (x) => [iterate(x, (u) => iterate(u, (v) => v.sin().add(1)))]
  t.equal(copies(nested, 8, true), 2, 'lanes of an inner loop end one by one')
  t.equal(
    copies((x) => [iterate(x, (u) => matmul(a, u))], 1),
    1,
    'a product is not made in place',
  )
  t.equal(
    copies((x) => [iterate(x, (u) => matmul(a, u).add(u))], 1),
    0,
    'what follows it is',
  )
  const stepwise =
    (step: (u: Tensor) => readonly [Tensor, Tensor]): Fn =>
    (x) => [scan(step, x, undefined, { length: 3 })[0]]
  t.equal(
    copies(
      stepwise((u) => [u.sin(), u]),
      8,
    ),
    0,
    'nobody asked for the second',
  )
  const collecting: Fn = (x) => scan((u: Tensor) => [u.sin(), u] as const, x, undefined, { length: 3 })
  t.equal(copies(collecting, 8), 1, 'the old carry is collected after the step')
  const counted: Fn = (x) => [
    scan((u: Tensor) => [u.sin(), u] as const, x, undefined, { length: 3, count: x.sum() })[0],
  ]
  t.equal(copies(counted, 8), 1, 'lanes stop at their own count')
})

test('a slice of rows is a part of what it is cut from', async (t) => {
  const program = lowered((x) => [slice(x, [2, 5]).sum()], [[8, 3]])
  t.strictSame(stagesOf(program), [['straight', ['sum']]])
  t.strictSame(stagesOf(lowered((x) => [slice(x, undefined, [1, 2]).sum()], [[8, 3]])), [
    ['straight', ['slice', 'sum']],
  ])
})

test('carries that nobody needs are dropped', async (t) => {
  const program = lowered(
    (x) => {
      const [u] = whileLoop(
        ([, k]: readonly Tensor[]) => less(k as Tensor, 10),
        ([v, k, unused]: readonly Tensor[]) => [
          (v as Tensor).sin(),
          (k as Tensor).add(1),
          (unused as Tensor).add(v as Tensor),
        ],
        [x, tensor(0), tensor(zeros([3]))] as readonly Tensor[],
      )
      return [u as Tensor]
    },
    [[3]],
  )
  const [stage] = decode(program.bytes).stages as [Extract<Layout['stages'][number], { kind: 'loop' }>]
  t.equal(stage.loop.carries.length, 2)
})

test('reports of one kind are one output', async (t) => {
  const { graph } = traceGraph(([x]) => [x as Tensor], [[]])
  const [x] = graph.inputs as [Graph['inputs'][number]]
  const twice = {
    ...graph,
    reports: [
      { kind: 'residual' as const, value: x },
      { kind: 'status' as const, value: x },
      { kind: 'residual' as const, value: x },
    ],
  }
  const program = lower(twice, { uniform: [false], lanes: 1 })
  t.strictSame(program.reports, ['residual', 'status'])
  t.equal(program.outputs.length, 3)
})
type Graph = ReturnType<typeof traceGraph>['graph']

test('the choice of lanes', async (t) => {
  const choice = (fn: Fn, shapes: readonly Shape[]): number => lowered(fn, shapes, { lanes: 'auto' }).lanes
  const shared = full([500, 50], 0.1)
  t.ok(
    choice(
      (x) => [iterate(x, (u) => matmul(shared.data.length > 0 ? tensor(shared).T : u, matmul(shared, u)))],
      [[50]],
    ) >= 16,
    'a shared matrix: a product of matrices',
  )
  t.ok(
    choice((a, b) => [choleskyFactor(a).solve(b)], [[8, 8], [8]]) >= 8,
    'small factorizations side by side',
  )
  t.ok(choice((a, b) => [choleskyFactor(a).solve(b)], [[800, 800], [800]]) <= 8, 'large ones one by one')
})

test('what cannot be lowered is refused', async (t) => {
  for (const lanes of [0, 3, 12, -8, 1.5, 2048, NaN]) {
    t.throws(() => lowered((x) => [x], [[]], { lanes }), { message: /multiple of 8/ }, String(lanes))
  }
  t.throws(() => lowered((x) => [x], [[]], { lane: 8 } as never), { code: 'ERR_UNKNOWN_OPTION' })
  t.throws(() => lowered((x) => [broadcast(x, [2, 1, 2, 1, 2, 1, 2, 2])], [[2]]), {
    message: /too many axes/,
  })
})

test('a scan cuts one sequence in every shape in which its slices are used', async (t) => {
  const program = lowered(
    (x) =>
      scan(
        (u: Tensor, row: Tensor) => [u.add(matmul(row.reshape([1, 3]), row)), row.sin()] as const,
        tensor(array([0])),
        x,
      ),
    [[5, 3]],
  )
  const [stage] = decode(program.bytes).stages as [Extract<Layout['stages'][number], { kind: 'straight' }>]
  const found = stage.code.find((instruction) => instruction.kind === 'scan')
  t.ok(found?.kind === 'scan' && found.sequences.length === 3)
})
