// linearSolve: x with A x = b, where A is a function that is linear in x. One custom op, whatever the method:
//   ẋ = A⁻¹ (ḃ − Ȧ x),   b̄ = A⁻ᵀ v,   θ̄ = −(∂θ A x)ᵀ b̄,
// so that its derivatives are linear solves of the same method again, to any order.
import { ArgumentError, ShapeError, checkOptions } from '../base/errors.js'
import { gradientStatusCode, statusCode } from '../base/status.js'
import { formatShape } from '../base/shape.js'
import type { Tensor } from '../ir/tensor.js'
import { inline, report, tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { addMaybe, equal, lessEqual, neg, where } from '../ops/elementwise.js'
import { choleskyFactor, luFactor } from '../ops/linalg.js'
import { eye, matrixTranspose } from '../ops/movement.js'
import { vmap } from '../transform/derivatives.js'
import { jvpGraph } from '../transform/jvp.js'
import { vjpGraph } from '../transform/vjp.js'
import { applyCustom } from './custom.js'
import type { CustomRule } from './custom.js'
import { bicgstab, cg, gmres, measured, normalCg, richardson } from './krylov.js'
import type { LinearMap, LinearSolution, LinearSystem } from './krylov.js'

export const linearMethods = ['lu', 'cholesky', 'cg', 'gmres', 'bicgstab', 'normalCg', 'neumann'] as const
/**
 * How to solve: 'lu' and 'cholesky' form the matrix by n products; 'cg' and 'cholesky' need A symmetric positive definite;
 * 'neumann' sums Σ (I − A)ʲ b.
 */
export type LinearMethod = (typeof linearMethods)[number]

export interface LinearSolveOptions {
  /** Default 'lu'. */
  readonly method?: LinearMethod
  /** Iterative methods stop when ‖b − A x‖ ≤ tol ‖b‖. Default 1e-10. */
  readonly tol?: number
  /** Default max(100, 2 n). */
  readonly maxSteps?: number
  /** Steps between restarts of gmres. Default 30. */
  readonly restart?: number
}

interface Method {
  readonly method: LinearMethod
  readonly tol: number
  readonly maxSteps: number
  readonly restart: number
}

/**
 * Options with their defaults for systems of size n, checked.
 * @param what is said to be wrong with its options.
 */
export const completeOptions = (what: string, options: LinearSolveOptions, n: number): Method => {
  checkOptions(what, options, ['method', 'tol', 'maxSteps', 'restart'])
  const { method = 'lu', tol = 1e-10, maxSteps = Math.max(100, 2 * n), restart = 30 } = options
  if (!linearMethods.includes(method)) {
    throw new ArgumentError(`${what}: unknown method`, {
      expected: linearMethods.join(', '),
      received: String(method),
    })
  }
  if (
    !(tol >= 0) ||
    !(Number.isInteger(maxSteps) && maxSteps >= 0) ||
    !(Number.isInteger(restart) && restart >= 1)
  ) {
    throw new ArgumentError(`${what}: options out of range`, {
      expected: 'tol ≥ 0, maxSteps an integer ≥ 0, restart an integer ≥ 1',
      received: `tol ${String(tol)}, maxSteps ${String(maxSteps)}, restart ${String(restart)}`,
    })
  }
  return { method, tol, maxSteps, restart }
}

/** The matrix of a linear map of vectors of length n. */
export const matrixOf = (map: LinearMap, n: number): Tensor => matrixTranspose(vmap(map)(eye(n)))

/** The relative residual beyond which a matrix that was factorized counts as singular: its condition is above 1e10 then. */
const mostLeft = 1e-6

const direct = (system: LinearSystem, factorize: typeof luFactor): LinearSolution => {
  const { apply: A, b } = system
  const x = factorize(matrixOf(A, b.shape[0] as number)).solve(b)
  // A factor is exact to rounding: a singular matrix shows as NaN, or, where only rounding kept it regular, by what is left of b.
  const { residual, iterations } = measured(system, x, tensor(1))
  const status = where(lessEqual(residual, mostLeft), gradientStatusCode.ok, gradientStatusCode.singular)
  return { x, status, iterations, residual }
}

const run = (system: LinearSystem, { method, restart }: Method): LinearSolution => {
  switch (method) {
    case 'lu':
      return direct(system, luFactor)
    case 'cholesky':
      return direct(system, choleskyFactor)
    case 'cg':
      return cg(system)
    case 'gmres':
      return gmres(system, restart)
    case 'bicgstab':
      return bicgstab(system)
    case 'normalCg':
      return normalCg(system)
    case 'neumann':
      return richardson(system)
  }
}

/**
 * Solves and tells how it went; statuses are gradient status codes. Differentiable in x only. Iterative methods begin at `start`,
 * which has no part in the derivative.
 */
export const linearSolveWith = (
  matvec: LinearMap,
  b: Tensor,
  options: LinearSolveOptions,
  start?: Tensor,
): LinearSolution => {
  const n = b.shape[0]
  if (b.rank !== 1 || n === undefined) {
    throw new ShapeError('linearSolve: the right-hand side is not a vector', {
      expected: '[n]',
      received: formatShape(b.shape),
    })
  }
  const method = completeOptions('linearSolve', options, n)
  // The map as a closed graph of x and what it closes over.
  const { graph, captured } = traceGraph(([x]) => [matvec(x as Tensor)], [b.shape])
  const shape = graph.outputs[0]?.shape ?? []
  if (shape.length !== 1 || shape[0] !== n) {
    throw new ShapeError('linearSolve: the map is not square', {
      expected: formatShape(b.shape),
      received: formatShape(shape),
    })
  }
  const map =
    (operands: readonly Tensor[]): LinearMap =>
    (x) =>
      inline(graph, [x, ...operands])[0] as Tensor
  const transposedMap =
    (operands: readonly Tensor[]): LinearMap =>
    (v) =>
      vjpGraph(
        graph,
        [v, ...operands],
        graph.inputs.map((_, i) => i === 0),
      ).pull([v])[0] ?? v.mul(0)
  const starts = start === undefined ? [] : [start]
  const first = 1 + starts.length
  const forward = traceGraph(
    ([right, ...rest]) => {
      const { tol, maxSteps } = method
      const operands = rest.slice(starts.length)
      const system = { apply: map(operands), applyTransposed: transposedMap(operands), tol, maxSteps }
      const solution = run({ ...system, b: right as Tensor, start: start && rest[0] }, method)
      return [solution.x, solution.status, solution.iterations, solution.residual]
    },
    [b, ...starts, ...captured].map((t) => t.shape),
  )
  const jvp: CustomRule = ({ inputs, outputs }, tangents) => {
    const [x, operands] = [outputs[0] as Tensor, inputs.slice(first)]
    const [db, dOperands] = [tangents[0], tangents.slice(first)]
    const moved = jvpGraph(graph, [x, ...operands], [undefined, ...dOperands]).tangents[0]
    const right = addMaybe(db, moved && neg(moved))
    return [right && linearSolve(map(operands), right, options, 'adjoint'), undefined, undefined, undefined]
  }
  const vjp: CustomRule = ({ inputs, outputs }, [v], wanted) => {
    if (v === undefined) return inputs.map(() => undefined)
    const [x, operands] = [outputs[0] as Tensor, inputs.slice(first)]
    const vb = linearSolve(transposedMap(operands), v, options, 'adjoint')
    const { pull } = vjpGraph(graph, [x, ...operands], [false, ...wanted.slice(first)])
    return [vb, ...starts.map(() => undefined), ...pull([neg(vb)]).slice(1)]
  }
  const [x, status, iterations, residual] = applyCustom([b, ...starts, ...captured], {
    label: `linearSolve ${method.method}`,
    graph: forward.graph,
    jvp,
    vjp,
  }) as [Tensor, Tensor, Tensor, Tensor]
  return { x, status, iterations, residual }
}

/** Where a linear solve is part of: the computation itself, or a derivative. */
export type LinearSolveRole = 'value' | 'adjoint'

/**
 * x with A x = b, for a function A that is linear in x: [n] → [n]. Tensors that A closes over are operands: the result is
 * differentiable with respect to them and to b. How it went is reported: as `status` where the solve is part of the
 * value, as `gradientStatus` and `adjointResidual` where it is part of a derivative.
 */
export const linearSolve = (
  matvec: (x: Tensor) => Operand,
  b: Operand,
  options: LinearSolveOptions = {},
  role: LinearSolveRole = 'value',
  start?: Tensor,
): Tensor => {
  const { x, status, residual } = linearSolveWith((t) => tensor(matvec(t)), tensor(b), options, start)
  if (role === 'value') {
    const failed = where(equal(status, gradientStatusCode.singular), statusCode.singular, statusCode.maxSteps)
    report('status', where(equal(status, gradientStatusCode.ok), statusCode.converged, failed))
    report('residual', residual)
  } else {
    report('gradientStatus', status)
    report('adjointResidual', residual)
  }
  return x
}
