// All cores: a stream of batches goes in, results come out in order, and what takes too long is a status.
// x ← √θ + λ cos x: slow where λ is near 1; each θ-instance stops on its own.
import {
  Pool,
  fixedPoint,
  implicit,
  linspace,
  progressReporter,
  solve,
  statusNames,
  valueAndGrad,
} from 'onestep'
import type { Tensor } from 'onestep'

const solver = fixedPoint({
  map: (x: Tensor, { theta, lambda }: { theta: Tensor; lambda: Tensor }) =>
    theta.sqrt().add(lambda.mul(x.cos())),
  maxSteps: 100_000,
  tol: 1e-12,
})
const f = (theta: Tensor, lambda: Tensor) =>
  valueAndGrad((t: Tensor) => solve(solver, { x0: 0, theta: { theta: t, lambda }, strategy: implicit() }))(
    theta,
  )

await using pool = new Pool()
const lambdas = linspace(0, 1, 2000)
function* batches() {
  for (const theta of [0.5, 1, 2, 4]) yield [linspace(theta, theta, 2000), lambdas] as const
}
for await (const { value, iterations, run } of pool.map(f, batches())) {
  const [x, slope] = value
  const steps = `${String(Math.min(...iterations))} to ${String(Math.max(...iterations))} steps`
  console.log('x', x.data[1999], 'dx/dθ', slope.data[1999], steps, 'on', run?.threads, 'threads')
}

// x ← −x never ends by itself; the time-out is a status, too.
const flip = fixedPoint({ map: (x: Tensor, a: Tensor) => x.mul(a), maxSteps: 1e12 })
const g = (a: Tensor) => solve(flip, { x0: 1, theta: a, strategy: implicit() })
const onProgress = progressReporter({ label: 'until the time is up', interval: 1 })
const { status } = await pool.run(g, [[-1]], { timeoutMs: 500, onProgress })
onProgress.close()
console.log('x ← −x:', statusNames(status).join())
