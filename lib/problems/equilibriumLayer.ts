// A deep-equilibrium layer (Bai, Kolter, Koltun 2019) that learns targets. For each of m samples with features aᵢ: [d], targets tᵢ: [k]:
//   inner   zᵢ = tanh(W zᵢ + U aᵢ + b),   zᵢ: [n],   W = γ V / β(V),   β(V) = ‖VᵀV‖_F^½ ≥ ‖V‖₂:   ‖W‖₂ ≤ γ < 1 for every V ≠ 0
//   outer   g(z, θ) = 1/2m Σᵢ ‖C zᵢ − tᵢ‖²,   θ = { V, U, b, C }
// so that the map is a contraction with ρ ≤ γ, whatever θ is. The oracle, with D = 1 − zᵢ², Jᵀν = Cᵀ(C zᵢ − tᵢ)/m, J = I − diag(D) W:
//   W̄ = Σ (D ν) zᵢᵀ,   Ū = Σ (D ν) aᵢᵀ,   b̄ = Σ D ν,   V̄ = γ/β (W̄ − ⟨W̄, V⟩/β⁴ V VᵀV)
import { ArgumentError, ShapeError, checkOptions } from '../base/errors.js'
import { NDArray, array, zeros } from '../base/ndarray.js'
import type { ArrayInput } from '../base/ndarray.js'
import { stream } from '../base/random.js'
import { formatShape } from '../base/shape.js'
import { stoppingOptions } from '../differentiation/solver.js'
import type { StoppingOptions } from '../differentiation/solver.js'
import type { Tensor } from '../ir/tensor.js'
import { add, div, mul, sqrt, sub, tanh } from '../ops/elementwise.js'
import { matmul } from '../ops/linalg.js'
import { transpose } from '../ops/movement.js'
import { norm2, sumSquares } from '../ops/reduce.js'
import { fixedPoint } from '../solvers/fixedPoint.js'
import { opaque } from './bilevelProblem.js'
import type { Arrays, BilevelProblem, Exact } from './bilevelProblem.js'
import { rootOf } from './denseEquation.js'
import { dot, product, solveDense, transposed, transposedProduct } from './denseMatrix.js'
import { finiteArray } from './samples.js'

/** V: [n, n], U: [n, d], b: [n], C: [k, n]. */
export interface LayerParameters {
  readonly V: Tensor
  readonly U: Tensor
  readonly b: Tensor
  readonly C: Tensor
}

export interface LayerData {
  /** [m, d] */
  readonly features: ArrayInput
  /** [m, k] */
  readonly targets: ArrayInput
}

export interface EquilibriumLayerOptions extends StoppingOptions {
  /** n; default 10. */
  readonly width?: number
  /** γ in (0, 1); default 0.9. */
  readonly contraction?: number
  /** Of the start of θ, normal numbers over the root of the number of columns; default 0. */
  readonly seed?: number
}

type Parameters = Arrays<LayerParameters>

const norm = (v: Float64Array): number => Math.sqrt(dot(v, v))

const oracleOf =
  (features: NDArray, targets: NDArray, gamma: number) =>
  ({ V, U, b, C }: Parameters): Exact<Tensor, LayerParameters> => {
    const [m, d] = features.shape as readonly [number, number]
    const [k, n] = C.shape as readonly [number, number]
    const gram = transposedProduct(V, V.data, n)
    const beta = Math.sqrt(norm(gram))
    const W = V.data.map((v) => (gamma * v) / beta)
    const bars = { W: zeros([n, n]).data, U: zeros([n, d]).data, b: zeros([n]).data, C: zeros([k, n]).data }
    const addOuter = (to: Float64Array, left: Float64Array, right: Float64Array): void => {
      left.forEach((l, i) => {
        right.forEach((r, j) => (to[i * right.length + j] = (to[i * right.length + j] as number) + l * r))
      })
    }
    const z = zeros([m, n])
    let value = 0
    for (let i = 0; i < m; i++) {
      const a = features.data.subarray(i * d, (i + 1) * d)
      const input = product(U, a, 1).map((v, j) => v + (b.data[j] as number))
      const image = (x: Float64Array): Float64Array =>
        product(new NDArray([n, n], W), x, 1).map((v, j) => Math.tanh(v + (input[j] as number)))
      const jacobian = (x: Float64Array): Float64Array => {
        const t = image(x)
        return W.map((w, at) => {
          const row = Math.floor(at / n)
          return Number(row === at % n) - (1 - (t[row] as number) ** 2) * w
        })
      }
      const x = rootOf(
        { residual: (v) => image(v).map((t, j) => (v[j] as number) - t), jacobian },
        new Float64Array(n),
      )
      z.data.set(x, i * n)
      const miss = product(C, x, 1).map((v, j) => v - (targets.data[i * k + j] as number))
      value += dot(miss, miss) / (2 * m)
      addOuter(
        bars.C,
        miss.map((v) => v / m),
        x,
      )
      const slope = transposedProduct(C, miss, 1).map((v) => v / m)
      const delta = solveDense(transposed(jacobian(x), n), slope).map(
        (nu, j) => nu * (1 - (x[j] as number) ** 2),
      )
      addOuter(bars.W, delta, x)
      addOuter(bars.U, delta, a)
      addOuter(bars.b, delta, Float64Array.of(1))
    }
    const cubed = product(V, gram, n)
    const along = dot(bars.W, V.data) / beta ** 4
    return {
      value,
      gradient: {
        V: new NDArray(
          [n, n],
          bars.W.map((w, at) => (gamma / beta) * (w - along * (cubed[at] as number))),
        ),
        U: new NDArray([n, d], bars.U),
        b: new NDArray([n], bars.b),
        C: new NDArray([k, n], bars.C),
      },
      x: z,
    }
  }

/**
 * The layer by fixed-point iteration, z: [m, n] for all samples at once. Default tol 1e-12, maxSteps 1000.
 * @throws {ShapeError} for data that do not fit; {ArgumentError} for wrong options.
 */
export const equilibriumLayer = (
  data: LayerData,
  options: EquilibriumLayerOptions = {},
): BilevelProblem<Tensor, LayerParameters> => {
  checkOptions('equilibriumLayer', options, ['width', 'contraction', 'seed', ...stoppingOptions])
  const { width: n = 10, contraction: gamma = 0.9, seed = 0, ...stop } = options
  if (!(Number.isInteger(n) && n >= 1) || !(gamma > 0 && gamma < 1)) {
    throw new ArgumentError('equilibriumLayer: options out of range', {
      expected: 'width an integer ≥ 1, contraction in (0, 1)',
      received: JSON.stringify({ width: n, contraction: gamma }),
    })
  }
  const [features, targets] = [
    finiteArray('equilibriumLayer: features', data.features),
    finiteArray('equilibriumLayer: targets', data.targets),
  ]
  if (
    features.rank !== 2 ||
    targets.rank !== 2 ||
    features.shape[0] !== targets.shape[0] ||
    features.size === 0
  ) {
    throw new ShapeError('equilibriumLayer: the data do not fit', {
      expected: 'features [m, d] and targets [m, k]',
      received: `${formatShape(features.shape)} and ${formatShape(targets.shape)}`,
    })
  }
  const [m, d] = features.shape as readonly [number, number]
  const k = targets.shape[1] as number
  const draw = (name: string, rows: number, columns: number): NDArray =>
    array(
      stream(seed, name)
        .normals(rows * columns)
        .map((v) => v / Math.sqrt(columns)),
      [rows, columns],
    )
  const map = (z: Tensor, { V, U, b }: LayerParameters): Tensor => {
    const beta = sqrt(norm2(matmul(transpose(V), V)))
    const W = mul(gamma, div(V, beta))
    return tanh(add(add(matmul(z, transpose(W)), matmul(features, transpose(U))), b))
  }
  return {
    name: 'equilibriumLayer',
    inner: opaque(fixedPoint({ map, tol: 1e-12, ...stop })),
    x0: zeros([m, n]),
    theta: { V: draw('V', n, n), U: draw('U', n, d), b: zeros([n]), C: draw('C', k, n) },
    outer: (z, { C }) => mul(1 / (2 * m), sumSquares(sub(matmul(z, transpose(C)), targets))),
    oracle: oracleOf(features, targets, gamma),
  }
}
