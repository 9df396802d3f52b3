// Every kernel that an instruction can name, with every mix of uniform and per-lane operands that the format allows, at
// several tile widths, against the interpreter's rules. And every way of not fitting a kernel is refused.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import { realArrays } from '../../lib/runtime/interpreter.js'
import { Assembler } from './assembler.js'
import type { Shape } from './assembler.js'
import { load, run } from './program.js'

/** What operands hold: any numbers, or something that the kernel can factorize. */
type Fill = 'any' | 'definite' | 'triangular' | 'dominant'

interface Case {
  readonly kernel: string
  readonly in: readonly Shape[]
  readonly out: readonly Shape[]
  readonly words?: readonly number[]
  /** What the interpreter's rule calls the same. */
  readonly attributes?: object
  readonly fill?: readonly Fill[]
  /** Which operands may be uniform in lane code, as mixes; all of them per lane is always tried. */
  readonly mixes?: readonly (readonly boolean[])[]
}

const flags = [false, true]
const digit = (x: boolean): number => Number(x)

const solveMixes = (factors: number): readonly (readonly boolean[])[] => [
  [...Array<boolean>(factors).fill(true), false],
]

const cases: readonly Case[] = [
  ...(['sum', 'max', 'min'] as const).flatMap((kernel) =>
    [
      { in: [[5]], axes: [0], out: [] },
      { in: [[2, 3, 4]], axes: [1], out: [2, 4] },
      { in: [[2, 3, 4]], axes: [0, 2], out: [3] },
      { in: [[2, 3, 4]], axes: [0, 1, 2], out: [] },
      { in: [[2, 1, 3, 2, 2]], axes: [1, 3], out: [2, 3, 2] },
      { in: [[700]], axes: [0], out: [] },
    ].map(({ axes, out, ...rest }) => ({
      kernel,
      ...rest,
      out: [out],
      words: [axes.length, ...axes],
      attributes: { axes },
    })),
  ),
  { kernel: 'sum', in: [[3, 0]], out: [[3]], words: [1, 1], attributes: { axes: [1] } },
  ...[
    [1, 0],
    [0, 1],
  ].map((permutation) => ({
    kernel: 'transpose',
    in: [[3, 4]],
    out: [permutation.map((axis) => [3, 4][axis] as number)],
    words: permutation,
    attributes: { permutation },
  })),
  ...[
    [2, 0, 1, 3],
    [3, 2, 1, 0],
    [0, 2, 1, 3],
  ].map((permutation) => ({
    kernel: 'transpose',
    in: [[2, 3, 4, 5]],
    out: [permutation.map((axis) => axis + 2)],
    words: permutation,
    attributes: { permutation },
  })),
  { kernel: 'broadcast', in: [[]], out: [[4, 3]] },
  { kernel: 'broadcast', in: [[3]], out: [[4, 3]] },
  { kernel: 'broadcast', in: [[4, 1]], out: [[2, 4, 3]] },
  { kernel: 'copy', in: [[2, 3]], out: [[2, 3]], mixes: [[true]] },
  { kernel: 'eye', in: [], out: [[4, 4]], attributes: { size: 4 } },
  {
    kernel: 'slice',
    in: [[6]],
    out: [[2]],
    words: [1, 5, 3],
    attributes: { start: [1], stop: [5], step: [3] },
  },
  {
    ...{ kernel: 'slice', in: [[4, 5, 2]], out: [[2, 2, 1]], words: [1, 0, 1, 3, 5, 2, 1, 4, 7] },
    attributes: { start: [1, 0, 1], stop: [3, 5, 2], step: [1, 4, 7] },
  },
  {
    kernel: 'slice',
    in: [[4]],
    out: [[0]],
    words: [4, 4, 1],
    attributes: { start: [4], stop: [4], step: [1] },
  },
  {
    kernel: 'pad',
    in: [[2]],
    out: [[7]],
    words: [1, 2, 2],
    attributes: { low: [1], high: [2], interior: [2] },
  },
  {
    ...{ kernel: 'pad', in: [[2, 3]], out: [[4, 6]], words: [2, 0, 0, 1, 0, 1] },
    attributes: { low: [2, 0], high: [0, 1], interior: [0, 1] },
  },
  {
    kernel: 'pad',
    in: [[0, 2]],
    out: [[3, 2]],
    words: [1, 0, 2, 0, 9, 0],
    attributes: { low: [1, 0], high: [2, 0], interior: [9, 0] },
  },
  {
    kernel: 'concat',
    in: [
      [2, 1],
      [2, 3],
    ],
    out: [[2, 4]],
    words: [1],
    attributes: { axis: 1 },
  },
  {
    kernel: 'concat',
    in: [
      [1, 2],
      [0, 2],
      [2, 2],
    ],
    out: [[3, 2]],
    words: [0],
    attributes: { axis: 0 },
  },
  {
    ...{ kernel: 'gather', in: [[3, 4]], out: [[3, 5]], words: [1, 5, 3, 0, 0, 2, 3] },
    attributes: { axis: 1, indices: [3, 0, 0, 2, 3] },
  },
  { kernel: 'gather', in: [[3, 2]], out: [[0, 2]], words: [0, 0], attributes: { axis: 0, indices: [] } },
  {
    ...{ kernel: 'scatterAdd', in: [[4, 2]], out: [[3, 2]], words: [0, 4, 1, 1, 0, 1] },
    attributes: { axis: 0, indices: [1, 1, 0, 1], size: 3 },
  },
  ...flags.flatMap((lower) =>
    [-1, 0, 2].map((offset) => ({
      kernel: 'triangle',
      in: [[2, 3, 4]],
      out: [[2, 3, 4]],
      words: [digit(lower), offset],
      attributes: { lower, offset },
    })),
  ),
  ...flags.flatMap((transposeA) =>
    flags.map((transposeB) => ({
      kernel: 'matmul',
      in: [transposeA ? [4, 3] : [3, 4], transposeB ? [5, 4] : [4, 5]],
      out: [[3, 5]],
      words: [digit(transposeA), digit(transposeB)],
      attributes: { transposeA, transposeB },
      mixes: [
        [true, false],
        [false, true],
      ],
    })),
  ),
  ...[
    {
      in: [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
      out: [[2, 5, 3, 2]],
    },
    {
      in: [
        [1, 4],
        [4, 1],
      ],
      out: [[1, 1]],
    },
    {
      in: [
        [3, 0],
        [0, 2],
      ],
      out: [[3, 2]],
    },
    {
      in: [
        [30, 40],
        [40, 1],
      ],
      out: [[30, 1]],
    },
  ].map((shapes) => ({
    ...{ kernel: 'matmul', words: [0, 0], attributes: { transposeA: false, transposeB: false }, ...shapes },
    mixes: [
      [true, false],
      [false, true],
    ],
  })),
  {
    kernel: 'gram',
    in: [[6, 3], [6]],
    out: [[3, 3]],
    mixes: [
      [true, false],
      [false, true],
    ],
  },
  {
    kernel: 'gram',
    in: [[2, 5, 3], [5]],
    out: [[2, 3, 3]],
    mixes: [
      [true, false],
      [false, true],
    ],
  },
  { kernel: 'cholesky', in: [[4, 4]], out: [[4, 4]], fill: ['definite'] },
  { kernel: 'cholesky', in: [[2, 3, 3]], out: [[2, 3, 3]], fill: ['definite'] },
  { kernel: 'lu', in: [[5, 5]], out: [[5, 5], [5]] },
  {
    kernel: 'lu',
    in: [[2, 3, 3]],
    out: [
      [2, 3, 3],
      [2, 3],
    ],
  },
  ...flags.flatMap((lower) =>
    flags.flatMap((transpose) =>
      flags.map((unit) => ({
        kernel: 'triangularSolve',
        in: [
          [4, 4],
          [4, 3],
        ],
        out: [[4, 3]],
        words: [digit(lower), digit(transpose), digit(unit)],
        attributes: { lower, transpose, unit },
        fill: ['triangular', 'any'] as const,
        mixes: solveMixes(1),
      })),
    ),
  ),
  {
    ...{
      kernel: 'triangularSolve',
      in: [
        [3, 3],
        [2, 3, 2],
      ],
      out: [[2, 3, 2]],
      words: [1, 0, 0],
    },
    ...{
      attributes: { lower: true, transpose: false, unit: false },
      fill: ['triangular', 'any'],
      mixes: solveMixes(1),
    },
  },
  {
    ...{
      kernel: 'choleskySolve',
      in: [
        [4, 4],
        [4, 2],
      ],
      out: [[4, 2]],
      words: [0],
      attributes: { transpose: false },
    },
    ...{ fill: ['triangular', 'any'], mixes: solveMixes(1) },
  },
]

const close = (x: number, y: number): boolean =>
  Object.is(x, y) || Math.abs(x - y) <= 1e-12 * Math.max(1, Math.abs(x))

/** Numbers for one operand of one instance. */
const draw = (shape: Shape, fill: Fill, seed: number): NDArray => {
  const data = stream(seed, fill).normals(sizeOf(shape))
  if (fill === 'any') return new NDArray(shape, data)
  const n = shape[shape.length - 1] as number
  for (let at = 0; at < data.length; at += n * n) {
    const a = data.slice(at, at + n * n)
    const entry = (i: number, j: number): number => {
      if (fill !== 'definite') return (a[i * n + j] as number) * (i === j ? 0 : 0.3) + (i === j ? 2 : 0)
      let sum = i === j ? n : 0
      for (let k = 0; k < n; k++) sum += (a[i * n + k] as number) * (a[j * n + k] as number)
      return sum
    }
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[at + i * n + j] = entry(i, j)
  }
  return new NDArray(shape, data)
}

const stacked = (list: readonly NDArray[]): Float64Array =>
  Float64Array.from(list.flatMap((x) => [...x.data]))

/** Runs a case over a batch; `uniform` says which operands all instances share. Returns what differs. */
const differences = (
  c: Case,
  lanes: number,
  batch: number,
  uniform: readonly boolean[],
  stage: 'uniform' | 'lane',
): string[] => {
  const p = new Assembler(lanes)
  const operands = c.in.map((shape, i) => {
    const fill = c.fill?.[i] ?? 'any'
    return Array.from({ length: uniform[i] ? 1 : batch }, (_, b) => draw(shape, fill, 100 * b + i))
  })
  const loads: [number, number][] = []
  const inputs = c.in.map((shape, i) => {
    if (uniform[i]) return p.uniformInput(shape)
    const value = p.lane(shape)
    loads.push([p.slot('input', shape), value])
    return value
  })
  const outputs = c.out.map((shape) => (stage === 'uniform' ? p.uniform(shape) : p.lane(shape)))
  const instruction = p.call(c.kernel, inputs, outputs, ...(c.words ?? []))
  if (stage === 'uniform') {
    p.uniformStage(instruction)
    outputs.forEach((value, i) => {
      p.uniformOutput(value, c.out[i] as Shape)
    })
  } else {
    const stores = outputs.map((value, i): [number, number] => [value, p.slot('output', c.out[i] as Shape)])
    p.straightStage({ loads, stores }, instruction)
  }
  const sizes = c.out.map((shape) => (stage === 'uniform' ? { uniform: sizeOf(shape) } : sizeOf(shape)))
  const received = run(p, operands.map(stacked), sizes, batch).outputs

  const found: string[] = []
  for (let b = 0; b < (stage === 'uniform' ? 1 : batch); b++) {
    const own = operands.map((list) => list[list.length === 1 ? 0 : b] as NDArray)
    // The rules of solves take the matrix itself before its factor.
    if (c.kernel.endsWith('Solve') && c.kernel !== 'triangularSolve') own.unshift(own[0] as NDArray)
    const rule = realArrays.rules[c.kernel]
    const expected = c.kernel === 'copy' ? own : rule?.(own, { shape: c.out[0], ...c.attributes }, c.out)
    expected?.forEach((x, k) => {
      x.data.forEach((value, i) => {
        const got = received[k]?.[b * x.size + i] as number
        if (!close(value, got))
          found.push(`instance ${b}, output ${k}, element ${i}: expected ${value}, received ${got}`)
      })
    })
  }
  return found.slice(0, 3)
}

test('kernels in lane code', async (t) => {
  for (const c of cases) {
    const label = `${c.kernel} ${JSON.stringify(c.in)} ${JSON.stringify(c.words ?? [])}`
    for (const uniform of [c.in.map(() => false), ...(c.mixes ?? [])]) {
      const got = [1, 8, 24].map((lanes) => differences(c, lanes, 11, uniform, 'lane'))
      t.strictSame(got, [[], [], []], `${label}, uniform: ${uniform.map(Number).join('')}`)
    }
  }
})

test('kernels in uniform code', async (t) => {
  for (const c of cases) {
    const label = `${c.kernel} ${JSON.stringify(c.in)} ${JSON.stringify(c.words ?? [])}`
    t.strictSame(
      differences(
        c,
        8,
        3,
        c.in.map(() => true),
        'uniform',
      ),
      [],
      label,
    )
  }
})

test('LU solves with uniform and per-lane factors', async (t) => {
  const [n, m, batch] = [4, 2, 11]
  const rule = (name: string) => realArrays.rules[name] as NonNullable<(typeof realArrays.rules)[string]>
  for (const lanes of [1, 8, 24]) {
    for (const transpose of flags) {
      for (const sharedFactor of flags) {
        const p = new Assembler(lanes)
        const matrices = Array.from({ length: sharedFactor ? 1 : batch }, (_, b) => draw([n, n], 'any', b))
        const rights = Array.from({ length: batch }, (_, b) => draw([n, m], 'any', b + 1000))
        const memory = (shape: Shape): number => (sharedFactor ? p.uniform(shape) : p.lane(shape))
        const a = sharedFactor ? p.uniformInput([n, n]) : p.lane([n, n])
        const [packed, permutation, b, x] = [memory([n, n]), memory([n]), p.lane([n, m]), p.lane([n, m])]
        const slotA = sharedFactor ? undefined : p.slot('input', [n, n])
        const loads: [number, number][] = [
          [p.slot('input', [n, m]), b],
          ...(slotA === undefined ? [] : [[slotA, a] as [number, number]]),
        ]
        const factor = p.call('lu', [a], [packed, permutation])
        const solve = p.call('luSolve', [packed, permutation, b], [x], digit(transpose))
        if (sharedFactor) p.uniformStage(factor)
        p.straightStage(
          { loads, stores: [[x, p.slot('output', [n, m])]] },
          ...(sharedFactor ? [solve] : [factor, solve]),
        )
        const [got] = run(p, [stacked(matrices), stacked(rights)], [n * m], batch).outputs
        const wrong = rights.flatMap((right, i) => {
          const matrix = matrices[sharedFactor ? 0 : i] as NDArray
          const factors = rule('lu')([matrix], {}, [[n, n], [n]])
          const [expected] = rule('luSolve')([matrix, ...factors, right], { transpose }, [[n, m]]) as [
            NDArray,
          ]
          return [...expected.data].filter(
            (v, k) => !(Math.abs(v - (got?.[i * n * m + k] as number)) <= 1e-9 * Math.max(1, Math.abs(v))),
          )
        })
        t.strictSame(wrong, [], `T = ${lanes}, transposed: ${transpose}, one factor: ${sharedFactor}`)
      }
    }
  }
})

/** [kernel, input shapes, output shapes, words, what the message says] */
const misfits: readonly (readonly [string, readonly Shape[], readonly Shape[], readonly number[], RegExp])[] =
  [
    ['nonsense', [[2]], [[2]], [], /kernel nonsense/],
    ['sum', [[2, 3]], [[2]], [1, 0], /the axes that are kept, \[3\]/],
    ['sum', [[2, 3]], [[]], [1, 2], /axis/],
    ['sum', [[2, 3]], [[3]], [2, 0, 0], /each axis once/],
    ['sum', [[2, 3], [2]], [[3]], [1, 0], /1 inputs and 1 outputs/],
    ['sum', [[2, 3]], [[3]], [1, 0, 7], /no word after it/],
    ['max', [[2, 3]], [[3]], [9, 0], /entries that fit/],
    ['transpose', [[2, 3]], [[2, 3]], [1, 0], /order of the permutation/],
    ['transpose', [[2, 2]], [[2, 2]], [1, 1], /each axis once/],
    ['transpose', [[2, 2]], [[2, 2]], [1, 2], /axis of transpose/],
    ['broadcast', [[2]], [[3]], [], /broadcasts/],
    ['broadcast', [[3, 3]], [[3]], [], /broadcasts/],
    ['copy', [[2]], [[3]], [], /as many elements/],
    ['eye', [], [[2, 3]], [], /\[n, n\]/],
    ['slice', [[4]], [[2]], [3, 5, 1], /start ≤ stop ≤ size/],
    ['slice', [[4]], [[2]], [3, 1, 1], /start ≤ stop/],
    ['slice', [[4]], [[2]], [0, 2, 0], /step ≥ 1/],
    ['slice', [[4]], [[3]], [0, 4, 2], /elements/],
    ['pad', [[2]], [[4]], [1, 2, 0], /low \+ size/],
    ['pad', [[2]], [[4]], [0, 0, 0xffffffff], /low \+ size/],
    [
      'concat',
      [
        [2, 2],
        [3, 1],
      ],
      [[2, 3]],
      [1],
      /differ from the output along the axis only/,
    ],
    ['concat', [[2, 2]], [[2, 3]], [1], /fill the axis/],
    ['concat', [[2, 2]], [[2, 2]], [2], /axis of concat/],
    ['gather', [[3]], [[1]], [0, 1, 3], /index/],
    ['gather', [[3]], [[2]], [0, 1, 2], /one element along the axis/],
    ['scatterAdd', [[2]], [[3]], [0, 2, 0, 3], /index/],
    ['triangle', [[3]], [[3]], [1, 0], /matrices/],
    ['triangle', [[3, 3]], [[3, 3]], [2, 0], /lower/],
    [
      'matmul',
      [
        [2, 3],
        [2, 4],
      ],
      [[2, 4]],
      [0, 0],
      /op\(A\) \[n, k\]/,
    ],
    [
      'matmul',
      [
        [2, 3],
        [3, 4],
      ],
      [[2, 4]],
      [0],
      /transposeB/,
    ],
    ['matmul', [[3], [3, 4]], [[4]], [0, 0], /matrices/],
    [
      'matmul',
      [
        [2, 2, 3],
        [3, 4],
      ],
      [[3, 2, 4]],
      [0, 0],
      /leading axes/,
    ],
    ['gram', [[4, 3], [3]], [[3, 3]], [], /A \[n, p\]/],
    ['cholesky', [[3, 4]], [[3, 4]], [], /square/],
    ['lu', [[3, 3]], [[3, 3]], [], /1 inputs and 2 outputs/],
    ['lu', [[3, 3]], [[3, 3], [4]], [], /permutation/],
    [
      'triangularSolve',
      [
        [3, 3],
        [4, 1],
      ],
      [[4, 1]],
      [1, 0, 0],
      /a factor \[n, n\]/,
    ],
    ['luSolve', [[3, 3], [4], [3, 1]], [[3, 1]], [0], /a permutation/],
    ['fused', [[2]], [[2]], [1, 1, 99, 0, 1, -1, 0], /function/],
  ]

test('operands that do not fit a kernel are refused', async (t) => {
  for (const [kernel, ins, outs, words, message] of misfits) {
    const p = new Assembler(8)
    const loads = ins.map((shape): [number, number] => [p.slot('input', shape), p.lane(shape)])
    const outputs = outs.map((shape) => p.lane(shape))
    const stores = outputs.map((value, i): [number, number] => [value, p.slot('output', outs[i] as Shape)])
    p.straightStage(
      { loads, stores },
      p.call(
        kernel,
        loads.map(([, value]) => value),
        outputs,
        ...words,
      ),
    )
    t.throws(
      () => load(p),
      { code: 'ERR_PROGRAM', message },
      `${kernel} ${JSON.stringify(ins)} ${JSON.stringify(words)}`,
    )
  }
})

test('lane code takes per-lane operands where a kernel does not mix', async (t) => {
  const mixed: readonly (readonly [string, readonly Shape[], Shape, readonly number[]])[] = [
    ['sum', [[2]], [], [1, 0]],
    ['transpose', [[2, 3]], [3, 2], [1, 0]],
    ['concat', [[2], [2]], [4], [0]],
    [
      'matmul',
      [
        [2, 2],
        [2, 2],
      ],
      [2, 2],
      [0, 0],
    ],
    ['gram', [[2, 2], [2]], [2, 2], []],
    ['cholesky', [[2, 2]], [2, 2], []],
    [
      'triangularSolve',
      [
        [2, 2],
        [2, 1],
      ],
      [2, 1],
      [1, 0, 0],
    ],
  ]
  for (const [kernel, ins, out, words] of mixed) {
    const p = new Assembler(8)
    const value = p.lane(out)
    const inputs = ins.map((shape) => p.uniformInput(shape))
    p.straightStage({ stores: [[value, p.slot('output', out)]] }, p.call(kernel, inputs, [value], ...words))
    t.throws(() => load(p), { code: 'ERR_PROGRAM', message: /per[- ]lane/ }, kernel)
  }
})
