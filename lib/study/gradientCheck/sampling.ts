// A function and its derivative at points θ + Dᵀc near one θ: each point is an instance of one batch, θ and the directions D are
// shared by all, so that a batch needs memory for its coefficients c alone.
import { ArgumentError } from '../../base/errors.js'
import { shared } from '../../base/executor.js'
import { NDArray } from '../../base/ndarray.js'
import { formatShape } from '../../base/shape.js'
import type { Shape } from '../../base/shape.js'
import { flattenLike, unflatten } from '../../base/tree.js'
import type { TreeSpec } from '../../base/tree.js'
import type { Tensor } from '../../ir/tensor.js'
import { isOperand, tensor, traceGraph } from '../../ir/trace.js'
import { add } from '../../ops/elementwise.js'
import { matmul } from '../../ops/linalg.js'
import { packing } from '../../ops/packing.js'
import { compile } from '../../runtime/compile.js'
import { grad, jvp, vmap } from '../../transform/derivatives.js'

/** How the derivative is had: by vjp or by jvp rules. */
export type DerivativeMode = 'reverse' | 'forward'

/** What is known of the value at each point. */
export interface ValueSamples {
  readonly value: Float64Array
  /** Codes. */
  readonly status: Uint8Array
  readonly iterations: Int32Array
  /** Last errors of the solves; 0 where there are none. */
  readonly residual: Float64Array
  /** Whether there are solves. */
  readonly solves: boolean
}

export interface DerivativeSamples {
  /** For each point the derivatives along the rows of D. */
  readonly derivative: readonly Float64Array[]
  readonly status: Uint8Array
  readonly gradientStatus: Uint8Array
}

/** A function at points θ + Dᵀc, for D: [rows, n] and coefficients c: [points, rows]. */
export interface Sampler {
  readonly values: (directions: NDArray, coefficients: NDArray) => ValueSamples
  readonly derivatives: (directions: NDArray, coefficients: NDArray) => DerivativeSamples
}

/** The value that a function returned, and its gradient where it gives one itself. */
const partsOf = (result: unknown): { readonly value: Tensor; readonly gradient?: unknown } => {
  const own = (value: unknown): Tensor => {
    const x = isOperand(value) ? tensor(value) : undefined
    if (x?.rank === 0) return x
    throw new ArgumentError('checkGradient: the function is not a scalar one', {
      expected: 'a scalar, { value, gradient } or [value, gradient]',
      received: x === undefined ? 'a tree' : formatShape(x.shape),
      remedy: 'Sum the result, or weigh it with fixed numbers and sum',
    })
  }
  if (isOperand(result)) return { value: own(result) }
  if (Array.isArray(result) && result.length === 2) {
    const [value, gradient] = result as readonly unknown[]
    return { value: own(value), gradient }
  }
  if (typeof result === 'object' && result !== null && 'value' in result && 'gradient' in result) {
    return { value: own(result.value), gradient: result.gradient }
  }
  return { value: own(result) }
}

/** D g, where an entry that D leaves out does not count, finite or not. */
const along = ({ shape, data }: NDArray, gradient: Float64Array): Float64Array => {
  const [rows = 0, n = 0] = shape
  return Float64Array.from({ length: rows }, (_, k) =>
    gradient.reduce((sum, g, i) => {
      const d = data[k * n + i] as number
      return d === 0 ? sum : sum + d * g
    }, 0),
  )
}

/**
 * The sampler of a function of θ that returns a scalar, or `{ value, gradient }` or `[value, gradient]`, whose gradient then is
 * taken as it is.
 * @param theta the numbers of θ, all entries in one vector
 */
export const sampler = (
  f: (theta: never) => unknown,
  theta: Float64Array,
  { spec, shapes }: { readonly spec: TreeSpec; readonly shapes: readonly Shape[] },
  mode: DerivativeMode,
): Sampler => {
  const { pack, unpack } = packing(shapes)
  const run = (x: Tensor): unknown => f(unflatten(spec, unpack(x)) as never)
  const scalar = (x: Tensor): Tensor => partsOf(run(x)).value
  const point = (x: Tensor, D: Tensor, c: Tensor): Tensor => add(x, matmul(c, D))
  const valueAt = compile((x: Tensor, D: Tensor, c: Tensor) => scalar(point(x, D, c)))
  /** The gradient that the function gives, as a vector. */
  const given = (at: Tensor): Tensor => {
    const leaves = flattenLike(partsOf(run(at)).gradient, spec, isOperand, 'gradient').map(tensor)
    leaves.forEach((leaf, i) => {
      if (formatShape(leaf.shape) === formatShape(shapes[i] as Shape)) return
      throw new ArgumentError('checkGradient: the gradient has another shape than θ', {
        expected: formatShape(shapes[i] as Shape),
        received: formatShape(leaf.shape),
      })
    })
    return pack(leaves)
  }
  const givesGradient = (): boolean => {
    let gives = false
    traceGraph(
      ([at]) => {
        const { value: v, gradient } = partsOf(run(at as Tensor))
        gives = gradient !== undefined
        return [v]
      },
      [[theta.length]],
    )
    return gives
  }
  const form = givesGradient() ? 'given' : mode
  if (form === 'given' && mode === 'forward') {
    throw new ArgumentError("checkGradient: mode 'forward' has no meaning for a gradient that is given", {
      remedy: 'Leave mode out, or return the value alone',
    })
  }
  const derivativeOf = {
    given: (at: Tensor) => given(at),
    reverse: (at: Tensor) => grad(scalar)(at),
    forward: (at: Tensor, D: Tensor) => vmap((d: Tensor) => jvp(scalar, [at], [d])[1])(D),
  }[form]
  const derivativeAt = compile((x: Tensor, D: Tensor, c: Tensor) => derivativeOf(point(x, D, c), D))
  const x = shared(new NDArray([theta.length], theta))
  return {
    values: (directions, coefficients) => {
      const results = valueAt.batch(x, shared(directions), coefficients)
      const { status, iterations, residual, batch } = results
      const solves = residual !== undefined
      const left = residual ?? new Float64Array(batch)
      return { value: results.value.data, status, iterations, residual: left, solves }
    },
    derivatives: (directions, coefficients) => {
      const { value, status, gradientStatus, batch } = derivativeAt.batch(x, shared(directions), coefficients)
      const each = Array.from({ length: batch }, (_, i) => {
        const own = value.data.subarray((i * value.size) / batch, ((i + 1) * value.size) / batch)
        return form === 'forward' ? own : along(directions, own)
      })
      return { derivative: each, status, gradientStatus }
    },
  }
}
