// fused against JavaScript's own arithmetic, bit for bit: random shapes, layouts, register reuse, outputs in place of
// inputs, and blocks that end anywhere.
import fc from 'fast-check'
import { test } from 'tap'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import { Assembler } from './assembler.js'
import type { Shape, Step } from './assembler.js'
import { run } from './program.js'

const soak = process.env['ONESTEP_SOAK'] === '1'

type Elementwise = (...arguments_: [number, number, number]) => number

/** Functions that are exact or correctly rounded on both sides. */
const functions: Readonly<Record<string, Elementwise>> = {
  copy: (x) => x,
  neg: (x) => -x,
  abs: (x) => Math.abs(x),
  square: (x) => x * x,
  sqrt: (x) => Math.sqrt(x),
  isFinite: (x) => Number(Number.isFinite(x)),
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  maximum: (x, y) => Math.max(x, y),
  less: (x, y) => Number(x < y),
  where: (c, x, y) => (c !== 0 ? x : y),
}
const names = Object.keys(functions)

interface Operand {
  readonly uniform: boolean
  readonly shape: Shape
}

interface Plan {
  readonly lanes: number
  readonly shape: Shape
  readonly inputs: readonly Operand[]
  readonly steps: readonly Step[]
  readonly results: readonly number[]
  /** For each output, an input that it may lie upon. */
  readonly upon: readonly number[]
}

/** Element i of a result of `shape`, in an operand that broadcasts to it. */
const sourceIndex = (i: number, shape: Shape, operand: Shape): number => {
  let [rest, index, stride] = [i, 0, 1]
  for (let axis = shape.length - 1, own = operand.length - 1; own >= 0; axis--, own--) {
    const [size, d] = [shape[axis] as number, operand[own] as number]
    if (d !== 1) index += (rest % size) * stride
    stride *= d
    rest = Math.floor(rest / size)
  }
  return index
}

const evaluate = (
  { shape, steps, results }: Plan,
  operands: readonly Float64Array[],
  shapes: readonly Shape[],
): number[][] => {
  const size = sizeOf(shape)
  const columns = results.map((): number[] => [])
  for (let i = 0; i < size; i++) {
    const file: number[] = []
    const input = (k: number): number => operands[k]?.[sourceIndex(i, shape, shapes[k] as Shape)] as number
    for (const [name, register, ...args] of steps) {
      const [x, y, z] = args.map((a) => (a < 0 ? input(-1 - a) : (file[a] as number))) as [
        number,
        number,
        number,
      ]
      file[register] = (functions[name] as Elementwise)(x, y, z)
    }
    results.forEach((register, k) => columns[k]?.push(file[register] as number))
  }
  return columns
}

const sameNumber = (x: number, y: number | undefined): boolean => Object.is(x, y)

const compare = (plan: Plan, batch: number): string | undefined => {
  const { lanes, shape, inputs, steps, results, upon } = plan
  const p = new Assembler(lanes)
  const data = inputs.map(({ uniform, shape: own }, k) =>
    stream(k, 'fused').normals(sizeOf(own) * (uniform ? 1 : batch)),
  )
  const loads: [number, number][] = []
  const values = inputs.map(({ uniform, shape: own }) => {
    if (uniform) return p.uniformInput(own)
    const value = p.lane(own)
    loads.push([p.slot('input', own), value])
    return value
  })
  const taken = new Set<number>()
  const outputs = results.map((_, k) => {
    const i = upon[k] ?? -1
    const free = inputs[i]?.uniform === false && sizeOf(inputs[i].shape) === sizeOf(shape) && !taken.has(i)
    if (free) taken.add(i)
    return free ? p.alias(values[i] as number, shape) : p.lane(shape)
  })
  const stores = outputs.map((value): [number, number] => [value, p.slot('output', shape)])
  p.straightStage({ loads, stores }, p.fused(values, outputs, steps, results))
  const before = data.map((x) => x.slice())
  const received = run(
    p,
    data,
    results.map(() => sizeOf(shape)),
    batch,
  ).outputs
  for (let b = 0; b < batch; b++) {
    const own = data.map((x, k) =>
      inputs[k]?.uniform ? x : x.slice((b * x.length) / batch, ((b + 1) * x.length) / batch),
    )
    const expected = evaluate(
      plan,
      own,
      inputs.map((x) => x.shape),
    )
    for (const [k, column] of expected.entries()) {
      const wrong = column.findIndex((x, i) => !sameNumber(x, received[k]?.[b * column.length + i]))
      if (wrong >= 0)
        return `instance ${b}, output ${k}, element ${wrong}: ${column[wrong]}, received ${received[k]?.[b * column.length + wrong]}`
    }
  }
  const touched = data.findIndex((x, k) => x.some((v, i) => !sameNumber(v, before[k]?.[i])))
  return touched < 0 ? undefined : `input ${touched} was written to`
}

const plans: fc.Arbitrary<Plan> = fc
  .record({
    lanes: fc.constantFrom(1, 8, 24, 520),
    shape: fc
      .array(fc.constantFrom(1, 2, 3, 5, 16, 90), { maxLength: 4 })
      .filter((shape) => sizeOf(shape) <= 1500),
    operands: fc.array(
      fc.record({
        uniform: fc.boolean(),
        drop: fc.nat(4),
        ones: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    steps: fc.array(fc.tuple(fc.nat(1000), fc.nat(3), fc.nat(1000), fc.nat(1000), fc.nat(1000)), {
      minLength: 1,
      maxLength: 9,
    }),
    results: fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }),
    upon: fc.array(fc.nat(5), { minLength: 3, maxLength: 3 }),
  })
  .map(({ lanes, shape, operands, steps, results, upon }) => {
    const inputs = operands.map(({ uniform, drop, ones }, k) => ({
      uniform,
      // The last operand keeps the whole shape, so that there is something to lie upon.
      shape:
        k === operands.length - 1
          ? shape
          : shape.map((d, i) => (ones[i] ? 1 : d)).slice(Math.min(drop, shape.length)),
    }))
    const written: number[] = []
    const code = steps.map(([f, register, ...picks]): Step => {
      const name = names[f % names.length] as string
      const choices = [...inputs.map((_, i) => -1 - i), ...written, ...written]
      const args = picks
        .slice(0, (functions[name] as Elementwise).length)
        .map((pick) => choices[pick % choices.length] as number)
      if (!written.includes(register)) written.push(register)
      return [name, register, ...args]
    })
    return {
      lanes,
      shape,
      inputs,
      steps: code,
      results: results.map((r) => written[r % written.length] as number),
      upon,
    }
  })

test('random groups', async (t) => {
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(plans, (plan) => {
        const found = compare(plan, 3)
        if (found !== undefined) throw new Error(found)
      }),
      soak ? { numRuns: 5_000 } : { numRuns: 600, seed: 5 },
    )
  })
})
