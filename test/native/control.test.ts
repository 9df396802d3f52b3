// while, scan and cond: every lane lives its own life, whatever the others do, at any nesting; and the same in uniform
// code. Expected values are computed instance by instance in JavaScript.
import { test } from 'tap'
import type { Test } from 'tap'
import { Assembler } from './assembler.js'
import type { Shape, Value, Words } from './assembler.js'
import { run } from './program.js'

const widths = [1, 8, 16]

/** Writes the code of one function of per-instance scalars: values of its inputs in, code and value of its result out. */
type Body = (
  p: Assembler,
  memory: (shape: Shape) => Value,
  inputs: readonly Value[],
) => { code: readonly Words[]; result: Value }

/** The function at every instance in lane code, for each width, and then instance by instance in uniform code. */
const everywhere = (body: Body, inputs: readonly Float64Array[], size = 1): number[][] => {
  const batch = inputs[0]?.length as number
  const shape = size === 1 ? [] : [size]
  const inLanes = widths.map((lanes) => {
    const p = new Assembler(lanes)
    const loads = inputs.map((): [number, number] => [p.slot('input', []), p.lane([])])
    const { code, result } = body(
      p,
      (s) => p.lane(s),
      loads.map(([, value]) => value),
    )
    p.straightStage({ loads, stores: [[result, p.slot('output', shape)]] }, ...code)
    return [...(run(p, inputs, [size], batch).outputs[0] as Float64Array)]
  })
  const uniform = Array.from({ length: batch }, (_, b) => {
    const p = new Assembler(8)
    const values = inputs.map(() => p.uniformInput([]))
    const { code, result } = body(p, (s) => p.uniform(s), values)
    p.uniformStage(...code).uniformOutput(result, shape)
    return [
      ...(run(
        p,
        inputs.map((x) => x.slice(b, b + 1)),
        [{ uniform: size }],
        1,
      ).outputs[0] as Float64Array),
    ]
  })
  return [...inLanes, uniform.flat()]
}

/** Whether a value of these tests' `memory` lies in lane space. */
const isLane = (p: Assembler, value: Value): boolean => p.spaceOf(value) === 3

const same = (t: Test, received: number[][], expected: readonly number[]): void => {
  received.forEach((list, i) =>
    t.strictSame(list, expected, i < widths.length ? `T = ${widths[i]}` : 'uniform'),
  )
}

/** A carry begins as another value. */
const start = (p: Assembler, from: Value, to: Value): Words => p.call('copy', [from], [to])

test('while: each lane leaves when its own predicate is 0 or NaN', async (t) => {
  // k = 0; while (n − k) … with n − k = 0 at the end, never started for n = 0, and NaN from √ of a negative number
  const body: Body = (p, memory, [n]) => {
    const [k, x, k1, x1, go] = [memory([]), memory([]), memory([]), memory([]), memory([])]
    const loop = p.while({
      carries: [
        [k, k1],
        [x, x1],
      ],
      predicate: go,
      condition: [
        p.fused(
          [n as Value, k],
          [go],
          [
            ['sub', 0, -1, -2],
            ['sqrt', 0, 0],
          ],
          [0],
        ),
      ],
      body: [
        p.fused(
          [k, x, p.immediate(1), p.immediate(3)],
          [k1, x1],
          [
            ['add', 0, -1, -3],
            ['mul', 1, -2, -4],
            ['sub', 1, 1, 0],
          ],
          [0, 1],
        ),
      ],
    })
    return { code: [start(p, p.immediate(0), k), start(p, p.immediate(1), x), loop], result: x }
  }
  const ns = Float64Array.of(3, 0, 7, 1, 2.5, -4, NaN, 11, 5, 5)
  const expected = [...ns].map((n) => {
    let [k, x] = [0, 1]
    while (Math.sqrt(n - k) > 0) x = x * 3 - ++k
    return x
  })
  same(t, everywhere(body, [ns]), expected)
})

test('while in while: an inner loop runs for the lanes that its outer loop keeps', async (t) => {
  // for (i = 0; i < n; i++) { j = i; while (j < m) { s = s·1.5 + j; j += 1 } }, and an inner loop without end behind n
  const body: Body = (p, memory, [n, m]) => {
    const [i, s, j, u, i1, s1, j1, u1, goI, goJ] = Array.from({ length: 10 }, () => memory([])) as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ]
    const one = p.immediate(1)
    const inner = p.while({
      carries: [
        [j, j1],
        [u, u1],
      ],
      predicate: goJ,
      // Once i ≥ n the predicate is 1 for ever: only a lane that the outer loop has left would see it.
      condition: [
        p.fused(
          [j, m as Value, i, n as Value],
          [goJ],
          [
            ['less', 0, -1, -2],
            ['less', 1, -3, -4],
            ['logicalNot', 1, 1],
            ['logicalOr', 0, 0, 1],
          ],
          [0],
        ),
      ],
      body: [
        p.fused(
          [j, u, p.immediate(1.5), one],
          [j1, u1],
          [
            ['mul', 0, -2, -3],
            ['add', 0, 0, -1],
            ['add', 1, -1, -4],
          ],
          [1, 0],
        ),
      ],
    })
    const outer = p.while({
      carries: [
        [i, i1],
        [s, s1],
      ],
      predicate: goI,
      condition: [p.apply('less', [i, n as Value], goI)],
      body: [start(p, i, j), start(p, s, u), inner, start(p, u, s1), p.apply('add', [i, one], i1)],
    })
    return { code: [start(p, p.immediate(0), i), start(p, p.immediate(0.5), s), outer], result: s }
  }
  const ns = Float64Array.of(3, 0, 5, 1, 2, 4, 4, 6, 1)
  const ms = Float64Array.of(2, 9, 7, 0, 2, 1, 8, 3, 5)
  const expected = [...ns].map((n, b) => {
    let s = 0.5
    for (let i = 0; i < n; i++) for (let j = i; j < (ms[b] as number); j++) s = s * 1.5 + j
    return s
  })
  same(t, everywhere(body, [ns, ms]), expected)
})

const length = 5

for (const reverse of [false, true]) {
  test(`scan ${reverse ? 'backwards' : 'forwards'}: a carry, per-lane and shared sequences, stacked outputs`, async (t) => {
    // s ← s·½ + aᵢ·x + bᵢ₀ − bᵢ₁ with stacked s before the step
    const a = Float64Array.from({ length }, (_, i) => i + 1)
    const b = Float64Array.from({ length: 2 * length }, (_, i) => Math.sin(i))
    const body: Body = (p, memory, [x]) => {
      const [s, s1, product, xs, stack] = [
        memory([]),
        memory([]),
        memory([]),
        memory([length]),
        memory([length]),
      ]
      const [ai, xi, bi] = [p.slice([], false), p.slice([], isLane(p, xs)), p.slice([2, 1], false)]
      const other = p.slice([1, 2], false)
      const [sequence, pairs] = [p.constant([length], a), p.constant([length, 2], b)]
      const [difference, pieces] = [memory([1]), memory([2, 1])]
      const loop = p.scan({
        length,
        reverse,
        carries: [[s, s1]],
        sequences: [
          [sequence, ai],
          [xs, xi],
          [pairs, bi],
          [pairs, other],
        ],
        stacked: [[stack, product]],
        body: [
          p.fused([bi], [pieces], [['copy', 0, -1]], [0]),
          p.call('matmul', [other, pieces], [p.alias(difference, [1, 1])], 0, 0),
          p.fused(
            [s, p.immediate(0.5), ai, xi, p.alias(difference, [])],
            [s1, product],
            [
              ['mul', 0, -1, -2],
              ['mul', 1, -3, -4],
              ['add', 0, 0, 1],
              ['add', 0, 0, -5],
              ['copy', 1, -1],
            ],
            [0, 1],
          ),
        ],
      })
      const total = memory([])
      return {
        code: [
          start(p, p.immediate(1), s),
          p.call('broadcast', [x as Value], [xs]),
          loop,
          p.call('sum', [stack], [total], 1, 0),
          p.apply('add', [p.alias(total, []), s], s1),
        ],
        result: s1,
      }
    }
    const xs = Float64Array.of(1, -2, 0.25, 3, 5, -1, 0, 2, 9, 4)
    const expected = [...xs].map((x) => {
      let s = 1
      const stack: number[] = []
      for (let k = 0; k < length; k++) {
        const i = reverse ? length - 1 - k : k
        stack[i] = s
        const [b0, b1] = [b[2 * i] as number, b[2 * i + 1] as number]
        s = s * 0.5 + (a[i] as number) * x + (b0 * b0 + b1 * b1)
      }
      return stack.reduce((sum, v) => sum + v, 0) + s
    })
    for (const list of everywhere(body, [xs])) {
      t.ok(
        list.every((v, i) => Math.abs(v - (expected[i] as number)) < 1e-12 * Math.abs(v)),
        `${list.join()} and ${expected.join()}`,
      )
    }
  })

  test(`scan ${reverse ? 'backwards' : 'forwards'} with counts: a lane takes part in steps below its own`, async (t) => {
    const body: Body = (p, memory, [count]) => {
      const [s, s1, item, stack] = [memory([]), memory([]), memory([]), memory([length])]
      const i = p.slice([], false)
      const loop = p.scan({
        count: count as Value,
        length,
        reverse,
        carries: [[s, s1]],
        sequences: [
          [
            p.constant(
              [length],
              Float64Array.from({ length }, (_, k) => k + 1),
            ),
            i,
          ],
        ],
        stacked: [[stack, item]],
        body: [
          p.fused(
            [s, i, p.immediate(10)],
            [s1, item],
            [
              ['mul', 0, -1, -3],
              ['add', 0, 0, -2],
              ['neg', 1, -2],
            ],
            [0, 1],
          ),
        ],
      })
      const all = memory([length + 1])
      return {
        code: [
          start(p, p.immediate(0), s),
          p.call('copy', [p.constant([length], new Float64Array(length).fill(9))], [stack]),
          loop,
          p.call('concat', [stack, p.alias(s, [1])], [all], 0),
        ],
        result: all,
      }
    }
    const counts = Float64Array.of(3, 0, 5, 2.5, NaN, -1, 99, Infinity, -Infinity, 1)
    const expected = [...counts].flatMap((count) => {
      const stack = new Array<number>(length).fill(0)
      let s = 0
      for (let k = 0; k < length; k++) {
        const i = reverse ? length - 1 - k : k
        if (!(i < count)) continue
        s = s * 10 + i + 1
        stack[i] = -(i + 1)
      }
      return [...stack, s]
    })
    same(t, everywhere(body, [counts], length + 1), expected)
  })
}

test('cond: NaN is false, and a branch that no lane takes does not run', async (t) => {
  const choice: (danger: 'then' | 'else' | undefined) => Body =
    (danger) =>
    (p, memory, [predicate, x]) => {
      const [out, yes, no, one] = [memory([]), memory([]), memory([]), memory([])]
      // A loop without end.
      const trap = (branch: 'then' | 'else'): readonly Words[] =>
        danger === branch ? [p.while({ carries: [], predicate: one, condition: [], body: [] })] : []
      const code = [
        start(p, p.immediate(1), one),
        p.cond({
          predicate: predicate as Value,
          outputs: [[out, yes, no]],
          then: [...trap('then'), p.apply('square', [x as Value], yes)],
          else: [...trap('else'), p.apply('neg', [x as Value], no)],
        }),
      ]
      return { code, result: out }
    }
  const predicates = Float64Array.of(1, 0, NaN, -3, 0.5, -0, Infinity, 0, 1, 1)
  const xs = Float64Array.from({ length: 10 }, (_, i) => i + 2)
  const expected = [...predicates].map((q, i) =>
    q !== 0 && !Number.isNaN(q) ? (xs[i] as number) ** 2 : -(xs[i] as number),
  )
  same(t, everywhere(choice(undefined), [predicates, xs]), expected)
  const never = new Float64Array(10)
  same(
    t,
    everywhere(choice('then'), [never, xs]),
    [...xs].map((x) => -x),
  )
  const always = new Float64Array(10).fill(2)
  same(
    t,
    everywhere(choice('else'), [always, xs]),
    [...xs].map((x) => x * x),
  )
})

test('loops nest deeply, and what one lane computes stays out of the others', async (t) => {
  // while (k < n) { cond (k odd) { scan(count = k): x ← x/2 + k } else { x ← 1 / (x − x) when n = 4 gives Infinity, else x + 1 } }
  const body: Body = (p, memory, [n]) => {
    const names = ['k', 'x', 'k1', 'x1', 'go', 'odd', 'y', 'y1', 'bad', 'z'] as const
    const v = Object.fromEntries(names.map((name) => [name, memory([])])) as Record<
      (typeof names)[number],
      Value
    >
    const [one, two, half, four] = [1, 2, 0.5, 4].map((x) => p.immediate(x)) as [Value, Value, Value, Value]
    const scan = p.scan({
      count: v.k,
      length: 6,
      carries: [[v.y, v.y1]],
      body: [
        p.fused(
          [v.y, half, v.k],
          [v.y1],
          [
            ['mul', 0, -1, -2],
            ['add', 0, 0, -3],
          ],
          [0],
        ),
      ],
    })
    const cond = p.cond({
      predicate: v.odd,
      outputs: [[v.x1, v.y, v.z]],
      then: [start(p, v.x, v.y), scan],
      else: [
        p.fused(
          [n as Value, four, v.x, one],
          [v.z],
          [
            ['equal', 0, -1, -2],
            ['sub', 1, -3, -3],
            ['div', 1, -4, 1],
            ['add', 2, -3, -4],
            ['where', 0, 0, 1, 2],
          ],
          [0],
        ),
      ],
    })
    const loop = p.while({
      carries: [
        [v.k, v.k1],
        [v.x, v.x1],
      ],
      predicate: v.go,
      condition: [p.apply('less', [v.k, n as Value], v.go)],
      body: [
        p.fused(
          [v.k, half, two],
          [v.odd],
          [
            ['mul', 0, -1, -2],
            ['floor', 0, 0],
            ['mul', 0, 0, -3],
            ['sub', 0, -1, 0],
          ],
          [0],
        ),
        cond,
        p.apply('add', [v.k, one], v.k1),
      ],
    })
    return { code: [start(p, p.immediate(0), v.k), start(p, p.immediate(3), v.x), loop], result: v.x }
  }
  const ns = Float64Array.of(4, 1, 9, 0, 4, 3, 6, 2, 12, 5, 4, 8)
  const expected = [...ns].map((n) => {
    let x = 3
    for (let k = 0; k < n; k++) {
      if (k % 2 === 1) for (let i = 0; i < Math.min(k, 6); i++) x = x * 0.5 + k
      else x = n === 4 ? 1 / (x - x) : x + 1
    }
    return x
  })
  same(t, everywhere(body, [ns]), expected)
})
