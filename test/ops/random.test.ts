// Random functions of several ops: what holds of each op must hold of their compositions.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import { printGraph } from '../../lib/ir/print.js'
import { verifyGraph } from '../../lib/ir/verify.js'
import { simplify } from '../../lib/transform/simplify.js'
import { relativeError } from '../oracle/compare.js'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'
import {
  adjointError,
  jvpError,
  secondError,
  simplifyDerivativeError,
  simplifyError,
  vmapError,
} from './checks.js'
import { mutants, replaceOp } from './mutants.js'
import { nativeError } from './natively.js'
import { opOf, randomFunction } from './random-graph.js'
import type { Step } from './random-graph.js'

const soak = process.env['ONESTEP_SOAK'] === '1'
const numRuns = soak ? 10_000 : 300
const seed = Number(process.env['ONESTEP_SEED'] ?? (soak ? Date.now() % 2 ** 31 : 2026))

/** What decides a random function and the point at which it is looked at. */
interface Plan {
  readonly steps: readonly Step[]
  readonly shapes: readonly (readonly number[])[]
  readonly numbers: number
}

const natural = fc.nat({ max: 999 })
const plans: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(fc.tuple(natural, natural, natural, fc.nat({ max: 11 })), { minLength: 1, maxLength: 7 }),
  shapes: fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  }),
  numbers: fc.nat({ max: 2 ** 30 }),
})

const pointOf = ({ shapes, numbers }: Plan, variant: number): readonly NDArray[] =>
  shapes.map((shape, i) => {
    const uniform = stream(numbers, 10 * variant + i).uniforms(sizeOf(shape))
    return new NDArray(
      shape,
      uniform.map((u) => 2.5 * u - 1.25),
    )
  })

/** Derivatives of a thousandth and less count as small: sums of larger ones may cancel to nothing. */
const unit = 1e-3

interface Property {
  readonly bar: number
  readonly error: (graph: Graph, point: readonly NDArray[], plan: Plan) => number
}

const properties: Readonly<Record<string, Property>> = {
  'forward mode against complex steps': {
    bar: 1e-11,
    error: (graph, point) => jvpError(graph, point, 'complex', unit),
  },
  'reverse mode against forward mode': { bar: 1e-13, error: adjointError },
  'forward over reverse mode against complex steps': {
    bar: 1e-10,
    error: (graph, point) => secondError(graph, point, 'complex', unit),
  },
  'forward over reverse mode against differences': {
    bar: 1e-6,
    error: (graph, point, plan) => (smooth(plan) ? secondError(graph, point, 'differences', unit) : 0),
  },
  'simplified values': { bar: 1e-13, error: (graph, point) => simplifyError(graph, point, simplify, unit) },
  'simplified derivatives': {
    bar: 1e-12,
    error: (graph, point) => simplifyDerivativeError(graph, point, simplify, unit),
  },
  'the native executor against the interpreter': {
    bar: 1e-12,
    error: (graph, point, plan) =>
      nativeError(
        graph,
        [point, pointOf(plan, 1), pointOf(plan, 2)],
        (x, y) => relativeError(x, y, unit),
        [1, 8],
      ),
  },
  'a batch against its elements': {
    bar: 1e-13,
    error: (graph, point, plan) =>
      vmapError(graph, [point, pointOf(plan, 1)], [graph.inputs.map((_, i) => i % 2 === 0)]),
  },
}

const smooth = ({ steps }: Plan): boolean => !steps.some((step) => ['where', 'cond'].includes(opOf(step)))

const holds = (plan: Plan, change: (graph: Graph) => Graph, { error, bar }: Property): boolean => {
  const point = pointOf(plan, 0)
  return error(change(graphOf(randomFunction(plan.steps), point)), point, plan) <= bar
}

const told = (details: fc.RunDetails<[Plan]>): string =>
  details.counterexample === null
    ? ''
    : `seed ${String(seed)}, ${details.counterexample[0].steps.map(opOf).join(' → ')}: ${JSON.stringify(details.counterexample[0])} ${details.errorInstance instanceof Error ? details.errorInstance.message : ''}`

for (const [name, property] of Object.entries(properties)) {
  test(`${name}, seed ${String(seed)}`, async (t) => {
    const details = fc.check(
      fc.property(plans, (plan) => holds(plan, (graph) => graph, property)),
      { seed, numRuns },
    )
    t.notOk(details.failed, told(details))
  })
}

test(`graphs and their transforms verify and print, seed ${String(seed)}`, async (t) => {
  const details = fc.check(
    fc.property(plans, (plan) => {
      const trace = (): Graph => graphOf(randomFunction(plan.steps), pointOf(plan, 0))
      const graph = trace()
      for (const g of [graph, simplify(graph), jvpOf(graph), vjpOf(graph), simplify(vjpOf(graph))])
        verifyGraph(g)
      return printGraph(graph) === printGraph(trace())
    }),
    { seed, numRuns },
  )
  t.notOk(details.failed, told(details))
})

const propertyOf = {
  jvp: 'forward mode against complex steps',
  adjoint: 'reverse mode against forward mode',
  second: 'forward over reverse mode against differences',
  vmap: 'a batch against its elements',
}

for (const { name, op, change, caughtBy } of mutants) {
  const property = properties[propertyOf[caughtBy[0]]] as Property
  test(`planted in random graphs: ${name}`, async (t) => {
    const details = fc.check(
      fc.property(plans, (plan) => holds(plan, (graph) => replaceOp(graph, op, change), property)),
      { seed, numRuns: 300, endOnFailure: true },
    )
    t.ok(details.failed, 'is found')
  })
}
