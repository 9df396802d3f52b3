// One gradient through K steps of gradient descent, in a process of its own: node unrollOnce.js METHOD K prints its cost as JSON.
//   f(x, θ) = ½ xᵀ(Q + θ I)x − bᵀx,   Q = M Mᵀ / n, M and b standard normal, n = 200;   the gradient of ‖x₍K₎‖² in θ, at T = 1
// The largest eigenvalue of Q is about 4, so that ρ = 1 − θ / (θ + 4.2) = 0.977 at θ = 0.1.
import { existsSync, readFileSync } from 'node:fs'
import {
  ArgumentError,
  OnestepError,
  array,
  compile,
  gradientDescent,
  implicit,
  matmul,
  neumann,
  oneStep,
  shared,
  solve,
  stream,
  sum,
  sumSquares,
  truncated,
  unrolled,
  valueAndGrad,
  zeros,
} from '../lib/index.js'
import type { NDArray, Strategy, Tensor } from '../lib/index.js'

const n = 200
const theta = 0.1

const strategies = {
  sqrt: unrolled({ checkpoints: 'sqrt' }),
  'one-step': oneStep(),
  'truncated(1000)': truncated(1000),
  'neumann(1000)': neumann(1000),
  implicit: implicit({ linearSolver: 'cg' }),
} as const

export type UnrollMethod = keyof typeof strategies

/** What one gradient costs, tracing and lowering included. */
export interface UnrollCost {
  /** Processor time of all threads. */
  readonly seconds: number
  /** How far the high-water mark of resident memory rises above what is resident before. */
  readonly residentBytes: number
  /** The memory that the Program plans for one instance. */
  readonly plannedBytes: number
  readonly gradient: number
}

const symmetric = (random: ReturnType<typeof stream>): NDArray => {
  const M = random.normals(n * n)
  const Q = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let total = 0
      for (let k = 0; k < n; k++) total += (M[i * n + k] as number) * (M[j * n + k] as number)
      Q[i * n + j] = Q[j * n + i] = total / n
    }
  }
  return array(Q, [n, n])
}

const gradientOf = (strategy: Strategy, K: number) => {
  const random = stream(1, 'unroll')
  const [Q, b] = [symmetric(random), array(random.normals(n, n * n))]
  const solver = gradientDescent({
    objective: (x: Tensor, t: Tensor) =>
      sum(x.mul(matmul(Q, x)))
        .add(t.mul(sumSquares(x)))
        .mul(0.5)
        .sub(sum(x.mul(b))),
    stepSize: (t: Tensor) => t.add(4.2).reciprocal(),
    // Out of reach: all K steps are made.
    tol: 1e-300,
    maxSteps: K,
  })
  const square = (t: Tensor): Tensor => sumSquares(solve(solver, { x0: zeros([n]), theta: t, strategy }))
  return compile((t: Tensor) => valueAndGrad(square)(t)[1], { lanes: 1 })
}

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/**
 * The high-water mark of resident memory. What Linux reports as that of resource usage is never below the memory of the process that
 * started this one; /proc tells it of this one alone.
 */
const peakBytes = (): number => {
  const file = '/proc/self/status'
  const kibibytes = existsSync(file)
    ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1]
    : undefined
  return 1024 * Number(kibibytes ?? process.resourceUsage().maxRSS)
}

/** A small gradient first, so that what is measured is K steps and not the start of a process. */
const costOf = (method: UnrollMethod, K: number): UnrollCost => {
  gradientOf(strategies[method], 100)(theta)
  const gradient = gradientOf(strategies[method], K)
  const [resident, begun] = [process.memoryUsage.rss(), processorSeconds()]
  const { value, status, iterations } = gradient(theta)
  const seconds = processorSeconds() - begun
  const residentBytes = peakBytes() - resident
  if (iterations !== K) {
    throw new OnestepError(`${method} did not make all steps`, {
      code: 'ERR_BENCH',
      expected: String(K),
      received: `${String(iterations)}, ${status}`,
    })
  }
  const { uniform, tile, portsPerInstance, internalPerInstance } = gradient.explain(shared(theta)).memory
  const plannedBytes = uniform + tile + portsPerInstance + internalPerInstance
  return { seconds, residentBytes, plannedBytes, gradient: value as number }
}

const [method = '', steps = ''] = process.argv.slice(2)
if (!Object.hasOwn(strategies, method) || !(Number(steps) >= 1)) {
  throw new ArgumentError('unrollOnce', {
    expected: `${Object.keys(strategies).join(' | ')}, and a number of steps`,
    received: `${method} ${steps}`,
  })
}
process.stdout.write(JSON.stringify(costOf(method as UnrollMethod, Number(steps))))
