// Two threads over one, beside what a second processor of this machine is worth in the same run: two threads that each multiply
// matrices, over one. And what the pool costs: its one thread beside the same job in this thread.
import {
  Pool,
  array,
  compile,
  gradientDescent,
  implicit,
  logspace,
  matmul,
  solve,
  stream,
  sumSquares,
  valueAndGrad,
  statistics,
  timing,
} from '../lib/index.js'
import type { Batch, RunRecord, Tensor } from '../lib/index.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import { logisticArguments, logisticBatch, logisticGradient } from './logisticPeers.js'
import { startProducts } from './products.js'
import { unevenArguments, unevenBatch, unevenGradient } from './unevenBatch.js'

/** A function of one argument, and a batch for it. */
interface Job<A, R> {
  readonly name: string
  readonly fn: (argument: A) => R
  readonly batch: Batch<A>
}

const uneven = () => ({
  name: 'uneven batch, B = 4096',
  fn: unevenGradient(implicit()),
  batch: unevenArguments(unevenBatch(4096)),
})

const logistic = () => {
  const [batch, n, p] = [4096, 200, 10]
  return {
    name: `${String(batch)} logistic problems, p = ${String(p)}, n = ${String(n)}`,
    fn: logisticGradient(p),
    batch: logisticArguments(batch, n, p, logisticBatch(batch, n, p)),
  }
}

/**
 * min ½ ‖A x − b‖² + ½ λ ‖x‖² by gradient descent for 256 λ, and the gradient of ½‖x̄‖² in λ; A: [8192, 12] with columns of
 * length 1 to 3, so that the condition is about 10.
 */
const ridge = () => {
  const [n, p] = [8192, 12]
  const draw = stream(1, 'scaling ridge')
  const A = array(
    draw.normals(n * p).map((z, i) => (z * 3 ** ((i % p) / (p - 1))) / Math.sqrt(n)),
    [n, p],
  )
  const b = array(draw.normals(n, n * p))
  const L = 10
  const solver = gradientDescent<Tensor, Tensor>({
    objective: (x, lambda) =>
      sumSquares(matmul(A, x).sub(b))
        .add(lambda.mul(sumSquares(x)))
        .mul(0.5),
    stepSize: (lambda) => lambda.add(L).reciprocal(),
    maxSteps: 5000,
    tol: 1e-8,
  })
  const x0 = array(new Float64Array(p))
  const loss = (lambda: Tensor): Tensor =>
    sumSquares(solve(solver, { x0, theta: lambda, strategy: implicit() })).mul(0.5)
  return {
    name: `256 ridge problems with one A: [${String(n)}, ${String(p)}]`,
    fn: valueAndGrad(loss),
    batch: logspace(1e-4, 1e2, 256),
  }
}

/** A contestant on the clock, which also notes the processor time of its calls, on all threads. */
const metered = (
  run: () => unknown,
): { readonly contestant: timing.Contestant; readonly processor: number[] } => {
  const processor: number[] = []
  const contestant: timing.Contestant = async (calls) => {
    let waited = 0
    const computed = await timing.computing(async () => (waited = await timing.waiting(run)(calls)))(1)
    processor.push(computed / calls)
    return waited
  }
  return { contestant, processor }
}

const scaling = async <A, R>({ name, fn, batch }: Job<A, R>, rounds: number): Promise<Figure[]> => {
  await using one = new Pool({ threads: 1 })
  await using two = new Pool({ threads: 2 })
  await using products = await startProducts()
  const compiled = compile(fn)
  const onOne = metered(() => one.run(fn, [batch]))
  const onTwo = metered(() => two.run(fn, [batch]))
  const here = metered(() => compiled.batch(batch))
  const times = await timing.sideBySide(
    {
      one: onOne.contestant,
      two: onTwo.contestant,
      here: here.contestant,
      oneProduct: products.one,
      twoProducts: products.two,
    },
    { rounds, turn: 0.2 },
  )
  const { lanes } = (await one.run(fn, [batch])).run as RunRecord
  const over = (a: readonly number[], b: readonly number[]): number[] => a.map((x, i) => x / (b[i] ?? NaN))
  const ceilings = over(times.oneProduct, times.twoProducts)
  const speedups = over(times.one, times.two)
  const title = `${name}, T = ${String(lanes)}`
  return [
    reported(`${title}: milliseconds on one thread`, 1e3 * statistics.median(times.one)),
    reported(`${title}: two threads over one`, statistics.median(speedups)),
    reported(`${title}: two threads over one, products of matrices`, statistics.median(ceilings)),
    atLeast(`${title}: two threads over one, of what products reach`, timing.ratio(speedups, ceilings), 0.95),
    reported(
      `${title}: processor time of two threads over that of one`,
      statistics.median(onTwo.processor) / statistics.median(onOne.processor),
    ),
    atMost(`${title}: a pool of one thread over this thread`, timing.ratio(times.one, times.here), 1.05),
    reported(
      `${title}: processor time of a pool of one thread over that of this thread`,
      statistics.median(onOne.processor) / statistics.median(here.processor),
    ),
  ]
}

/** The uneven batch, problems with data of their own, and problems that share a matrix. */
export const scalingFigures = async (rounds: number): Promise<Figure[]> => [
  ...(await scaling(uneven(), rounds)),
  ...(await scaling(logistic(), rounds)),
  ...(await scaling(ridge(), rounds)),
]
