// solve: one op. Forward it iterates, natively, each lane until its own end; its derivative is the rule of a strategy,
// written at the op's own attached output x̄ (Bolte, Pauwels, Vaiter 2023). The loop of every solver is this one.
import { ArgumentError, ShapeError, checkOptions } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { gradientStatusCode, statusCode } from '../base/status.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { applyCustom } from '../control/custom.js'
import type { CustomRule } from '../control/custom.js'
import { reaches, shapesOf } from '../control/loop.js'
import { whileLoop } from '../control/while.js'
import type { Graph } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { inline, isOperand, report, tensor, traceGraph, traceTogether } from '../ir/trace.js'
import type { Operand, Operands } from '../ir/trace.js'
import {
  add,
  addMaybe,
  greater,
  greaterEqual,
  isFinite,
  less,
  lessEqual,
  maximum,
  mul,
  stopGradient,
  where,
} from '../ops/elementwise.js'
import { packing } from '../ops/packing.js'
import { sum } from '../ops/reduce.js'
import { simplify } from '../transform/simplify.js'
import { implicit } from './implicit.js'
import type { Solver } from './solver.js'
import type { Solved, Strategy } from './strategy.js'

export interface SolveOptions<X, P> {
  /** Where the iteration starts. */
  readonly x0: Operands<X>
  /** The parameters; may be left out for a solver that uses none. */
  readonly theta?: Operands<P>
  /** How the result is differentiated; default implicit(). */
  readonly strategy?: Strategy
}

const running = -1

/** Status of a state after k steps; `running` while the iteration goes on. */
const judge = <X, P, S>(
  solver: Solver<X, P, S>,
  state: S,
  error: Tensor,
  first: Tensor,
  k: Tensor,
): Tensor => {
  const { tol, rtol, divergence, maxSteps } = solver.stopping
  const limit = rtol === 0 ? tensor(tol) : maximum(tol, mul(rtol, first))
  const onward = where(greaterEqual(k, maxSteps), statusCode.maxSteps, running)
  const tame = where(greater(error, mul(divergence, maximum(first, 1))), statusCode.diverged, onward)
  const finite = where(isFinite(error), tame, statusCode.nonFinite)
  const verdict = solver.verdict === undefined ? tensor(running) : tensor(solver.verdict(state))
  const onEnd = solver.verdict === undefined ? finite : where(less(verdict, 0), finite, verdict)
  return where(lessEqual(error, limit), statusCode.converged, onEnd)
}

interface Iteration<S> {
  readonly state: S
  readonly previous: Tensor
  readonly k: Tensor
  readonly error: Tensor
  readonly status: Tensor
}

/**
 * The solution x̄(θ) of an iterative algorithm, of the structure of x0. Reports status, iterations and residual (the last
 * error) of the instance; its derivative is that of `strategy`, with respect to θ and to every Tensor that the
 * solver's functions close over (and to x0 for strategies that differentiate the trajectory).
 */
export const solve = <X, P, S>(solver: Solver<X, P, S>, options: SolveOptions<X, P>): X => {
  checkOptions('solve', options, ['x0', 'theta', 'strategy'])
  const strategy = options.strategy ?? implicit()
  const xTree = flatten(options.x0, isOperand, 'x0')
  const pTree = flatten(options.theta ?? [], isOperand, 'theta')
  const x0 = xTree.leaves.map(tensor)
  const p = pTree.leaves.map(tensor)
  if (x0.length === 0) throw new ArgumentError('solve: x0 is empty', { expected: 'at least one array' })
  const shapes = { x: shapesOf(x0), p: shapesOf(p) }
  const { size, pack, unpack } = packing(shapes.x)
  const theta = (leaves: readonly Tensor[]): P => unflatten(pTree.spec, leaves) as unknown as P
  const xOf = (leaves: readonly Tensor[]): X => unflatten(xTree.spec, leaves) as unknown as X
  const leavesOf = (x: X, what: string): Tensor[] => {
    const leaves = flattenLike(x, xTree.spec, isOperand, what).map(tensor)
    leaves.forEach((leaf, i) => {
      if (formatShape(leaf.shape) !== formatShape(shapes.x[i] as Shape)) {
        throw new ShapeError(`${solver.name}: ${what} has another shape than x0`, {
          expected: formatShape(shapes.x[i] as Shape),
          received: formatShape(leaf.shape),
        })
      }
    })
    return leaves
  }

  // The state's structure is known once `init` has been traced.
  let stateSpec: TreeSpec = { kind: 'leaf' }
  const initFn = (ts: readonly Tensor[]): Tensor[] => {
    const state = flatten(
      solver.init(xOf(ts.slice(0, x0.length)), theta(ts.slice(x0.length))),
      isOperand,
      'state',
    )
    stateSpec = state.spec
    return state.leaves.map(tensor)
  }
  const stateShapes = traceGraph(initFn, [...shapes.x, ...shapes.p]).graph.outputs.map((v) => v.shape)
  const stateOf = (leaves: readonly Tensor[]): S => unflatten(stateSpec, leaves) as unknown as S
  const stateLeaves = (state: S): Tensor[] => flattenLike(state, stateSpec, isOperand, 'state').map(tensor)
  const s = stateShapes.length
  const pointOf = (state: S): Tensor => pack(leavesOf(solver.point(state), 'point(state)'))

  const forward = (ts: readonly Tensor[]): Operand[] => {
    const params = theta(ts.slice(x0.length))
    const start = solver.init(xOf(ts.slice(0, x0.length)), params)
    const zero = tensor(0)
    const errorOf = (state: S): Tensor => {
      const error = tensor(solver.error(state, params))
      if (error.rank === 0) return error
      throw new ShapeError(`${solver.name}: error(state, theta) is not a scalar`, {
        expected: '[]',
        received: formatShape(error.shape),
        remedy: 'Return a norm',
      })
    }
    const first = errorOf(start)
    const begin: Iteration<S> = {
      state: start,
      previous: strategy.keepsPrevious === true ? pointOf(start) : zero,
      k: zero,
      error: first,
      status: judge(solver, start, first, first, zero),
    }
    const end = whileLoop<Iteration<S>>(
      ({ status }) => less(status, 0),
      (at) => {
        const state = solver.step(at.state, params)
        const error = errorOf(state)
        const k = add(at.k, 1)
        return {
          state,
          previous: strategy.keepsPrevious === true ? pointOf(at.state) : at.previous,
          k,
          error,
          status: judge(solver, state, error, first, k),
        }
      },
      begin,
    )
    const x = pointOf(end.state)
    // An error that does not see an entry of x that is not finite must not hide it: sum(0 x) is NaN then.
    const status = maximum(end.status, where(isFinite(sum(mul(x, 0))), 0, statusCode.nonFinite))
    report('status', status)
    report('iterations', end.k)
    report('residual', end.error)
    return [
      x,
      end.k,
      status,
      ...(strategy.keepsPrevious === true ? [end.previous] : []),
      ...stateLeaves(end.state),
    ]
  }
  const vector: Shape = [size]
  const mapFn = (ts: readonly Tensor[]): Tensor[] => {
    const x = xOf(unpack(ts[0] as Tensor))
    const params = theta(ts.slice(1, 1 + p.length))
    const custom = strategy.map as ((x: X, theta: P) => X) | undefined
    const next =
      custom !== undefined
        ? custom(x, params)
        : solver.map !== undefined
          ? solver.map(x, params, stateOf(ts.slice(1 + p.length)))
          : solver.point(solver.step(solver.init(x, params), params))
    return [pack(leavesOf(next, 'map(x, theta)'))]
  }
  const atX = (fn: (x: X, params: P, rest: readonly Tensor[]) => Tensor) => (ts: readonly Tensor[]) => [
    fn(xOf(unpack(ts[0] as Tensor)), theta(ts.slice(1, 1 + p.length)), ts.slice(1 + p.length)),
  ]
  const { residual, linearize, stepLength } = solver
  const parts = [
    { fn: forward, shapes: [...shapes.x, ...shapes.p] },
    { fn: mapFn, shapes: [vector, ...shapes.p, ...stateShapes] },
    { fn: initFn, shapes: [...shapes.x, ...shapes.p] },
    {
      fn: (ts: readonly Tensor[]) => stateLeaves(solver.step(stateOf(ts.slice(0, s)), theta(ts.slice(s)))),
      shapes: [...stateShapes, ...shapes.p],
    },
    { fn: (ts: readonly Tensor[]) => [pointOf(stateOf(ts))], shapes: stateShapes },
    ...(residual === undefined
      ? []
      : [
          {
            fn: atX((x, params) => pack(leavesOf(residual(x, params), 'residual(x, theta)'))),
            shapes: [vector, ...shapes.p],
          },
        ]),
    ...(linearize === undefined
      ? []
      : [
          {
            fn: atX((x, params, [b]) => tensor(linearize(x, params).solve(b as Tensor))),
            shapes: [vector, ...shapes.p, vector],
          },
          {
            fn: atX((x, params, [b]) => tensor(linearize(x, params).solveTransposed(b as Tensor))),
            shapes: [vector, ...shapes.p, vector],
          },
        ]),
  ]
  const { graphs, captured } = traceTogether(parts)
  const simpler = graphs.map((graph, i) => simplify({ ...graph, reports: i === 0 ? graph.reports : [] }))
  const next = simpler.values()
  const take = (): Graph => next.next().value as Graph
  const [forwardGraph, mapGraph, initGraph, stepGraph, pointGraph] = [take(), take(), take(), take(), take()]
  const residualGraph = residual && take()
  const solveGraphs = linearize && [take(), take()]

  const operands = p.length + captured.length
  const inputs = [...x0, ...p, ...captured]
  /** θ as strategies see it is the leaves of θ, then what is closed over; graphs want them apart. */
  const call =
    (graph: Graph) =>
    (front: readonly Tensor[], all: readonly Tensor[], back: readonly Tensor[] = []): Tensor[] =>
      inline(graph, [...front, ...all.slice(0, p.length), ...back, ...all.slice(p.length)])
  const solvedAt = ({
    inputs: ins,
    outputs,
  }: {
    inputs: readonly Tensor[]
    outputs: readonly Tensor[]
  }): Solved => {
    const keeps = strategy.keepsPrevious === true ? 1 : 0
    const state = outputs.slice(3 + keeps, 3 + keeps + s).map(stopGradient)
    const all = ins.slice(x0.length)
    return {
      x: outputs[0] as Tensor,
      theta: all,
      map: (x, th) => call(mapGraph)([x], th, state)[0] as Tensor,
      steps: outputs[1] as Tensor,
      previous: keeps === 1 ? outputs[3] : undefined,
      stepLength: stepLength && tensor(stepLength(stateOf(state))),
      residual: residualGraph && ((x, th) => call(residualGraph)([x], th)[0] as Tensor),
      linearize:
        solveGraphs &&
        ((x, th) => ({
          solve: (b) => call(solveGraphs[0] as Graph)([x], th, [b])[0] as Tensor,
          solveTransposed: (b) => call(solveGraphs[1] as Graph)([x], th, [b])[0] as Tensor,
        })),
      trajectory: {
        init: (start, th) => call(initGraph)(start, th),
        step: (at, th) => call(stepGraph)(at, th),
        point: (at) => inline(pointGraph, [...at, ...all.slice(p.length)])[0] as Tensor,
        x0: ins.slice(0, x0.length),
        maxSteps: solver.stopping.maxSteps,
      },
    }
  }
  // θ that enters through x0 only has derivative zero under every strategy that does not differentiate the trajectory.
  const throughMap = (flags: readonly boolean[]): boolean =>
    reaches(mapGraph, [
      false,
      ...flags.slice(0, p.length),
      ...stateShapes.map(() => false),
      ...flags.slice(p.length),
    ]).some(Boolean)
  const warn = (x0Flags: readonly boolean[], flags: readonly boolean[]): void => {
    if (strategy.throughX0 !== true && x0Flags.some(Boolean) && !throughMap(flags)) {
      report('gradientStatus', gradientStatusCode.undefined)
    }
  }
  const rest = (count: number): undefined[] => new Array<undefined>(count).fill(undefined)
  const outputCount = forwardGraph.outputs.length
  const jvp: CustomRule = (point, tangents) => {
    const known = tangents.map((t) => t !== undefined)
    warn(known.slice(0, x0.length), known.slice(x0.length))
    report('gradientStatus', gradientStatusCode.ok)
    const t = strategy.jvp(solvedAt(point), tangents.slice(x0.length), tangents.slice(0, x0.length))
    return [
      t,
      undefined,
      undefined,
      ...(strategy.keepsPrevious === true ? [t] : []),
      ...rest(outputCount - 3),
    ].slice(0, outputCount)
  }
  // x₍k₋₁₎ is as good an x̄ as x₍k₎: it has the same derivative, so that second derivatives at 'previous' are right, too.
  const vjp: CustomRule = (point, cotangents, wanted) => {
    const v = addMaybe(cotangents[0], strategy.keepsPrevious === true ? cotangents[3] : undefined)
    const wantX0 = wanted.slice(0, x0.length)
    const want = wanted.slice(x0.length)
    if (v === undefined) return rest(inputs.length)
    warn(wantX0, want)
    report('gradientStatus', gradientStatusCode.ok)
    const asked = strategy.throughX0 === true ? [...want, ...wantX0] : want
    const pulled = asked.some(Boolean) ? strategy.vjp(solvedAt(point), v, asked) : []
    return [...x0.map((_, i) => pulled[operands + i]), ...rest(operands).map((_, i) => pulled[i])]
  }
  const out = applyCustom(inputs, {
    label: `solve ${solver.name} (${strategy.name})`,
    graph: forwardGraph,
    jvp,
    vjp,
  })
  return xOf(unpack(out[0] as Tensor))
}
