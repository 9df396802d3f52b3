// A problem module of a study: a quadratic problem whose condition number κ is a parameter, with its derivative in closed form, so that
// every row of a study can say what a strategy got wrong.
//   inner   f(x, θ) = ½ xᵀA(κ)x − s bᵀx,    A(κ) = H diag(κ^(−j/(n−1))) H,  j = 0 … n−1:   eigenvalues from 1 down to 1/κ
//   outer   g(x)    = ½ ‖x − c‖²
//   so      x*(θ) = s A⁻¹b,    ∂g(x*)/∂s = (x* − c)ᵀA⁻¹b
// H = I − 2vvᵀ is a reflection: its own inverse, and it mixes all coordinates.
import {
  array,
  defineStudyProblem,
  dot,
  exp,
  gradientDescent,
  linspace,
  log,
  mul,
  newton,
  norm2,
  reciprocal,
  stream,
  sub,
  sumSquares,
} from 'onestep'
import type { NDArray, Tensor } from 'onestep'

/** The parameters, as the traced functions below see them. */
interface Theta {
  readonly condition: Tensor
  readonly scale: Tensor
}

const unit = (x: Float64Array): NDArray => array(x.map((entry) => entry / Math.hypot(...x)))

// A function of the options in the study file. A problem that takes none is exported as it is: defineStudyProblem({ theta, … }).
export default defineStudyProblem(({ size = 16, seed = 1 }) => {
  const n = Number(size)
  const random = stream(Number(seed), 'quadratic')
  const [v, b] = [unit(random.normals(n)), unit(random.normals(n, n))]
  const c = array(random.normals(n, 2 * n))
  const exponents = linspace(0, 1, n)

  const reflect = (x: Tensor | NDArray): Tensor => sub(x, mul(2, v).mul(dot(v, x)))
  /** The eigenvalues of A⁻¹. */
  const inverses = ({ condition }: Theta): Tensor => exp(mul(log(condition), exponents))
  /** A⁻¹b */
  const response = (theta: Theta): Tensor => reflect(mul(inverses(theta), reflect(b)))
  /** f */
  const objective = (x: Tensor, theta: Theta): Tensor =>
    mul(0.5, dot(x, reflect(mul(reciprocal(inverses(theta)), reflect(x))))).sub(mul(theta.scale, dot(b, x)))

  return {
    description: 'a quadratic problem whose condition number is a parameter: θ = { condition, scale }',
    // An example of θ: which parameters there are, and of which shapes.
    theta: { condition: 10, scale: 1 },
    // By the names that a study file may list; the first one is the default. Each is told the tolerance, and maxSteps where the file has it.
    solvers: {
      gradientDescent: ({ tol, maxSteps = 1_000_000 }) =>
        gradientDescent({ objective, stepSize: 1, tol, maxSteps }),
      newton: ({ tol, maxSteps = 100 }) => newton({ objective, tol, maxSteps }),
    },
    x0: new Array<number>(n).fill(0),
    outer: (x: Tensor) => mul(0.5, sumSquares(sub(x, c))),
    // Recorded beside the value; not differentiated.
    metrics: {
      exact: (_: Tensor, theta: Theta) => dot(mul(theta.scale, response(theta)).sub(c), response(theta)),
      distance: (x: Tensor, theta: Theta) => norm2(sub(x, mul(theta.scale, response(theta)))),
    },
  }
})
