// Which strategy? The error of every strategy against its cost, on every standard problem: solve and hypergradient over the solve
// alone, in processor time; errors against the oracle of the problem.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  NDArray,
  array,
  auto,
  compile,
  dataCleaning,
  elasticNet,
  equilibriumLayer,
  htmlReport,
  hypergradient,
  implicit,
  lasso,
  logisticRegression,
  neumann,
  oneStep,
  phantom,
  ridgeRegression,
  solve,
  stream,
  syntheticClassification,
  syntheticRegression,
  truncated,
  unrolled,
  machine,
  machineLine,
  timing,
} from '../lib/index.js'
import type { BilevelProblem, Strategy, Tensor } from '../lib/index.js'
import { reported } from './figures.js'
import type { Figure } from './figures.js'

type Problem = BilevelProblem<Tensor, never>

const problems = (small: boolean): readonly (readonly [name: string, problem: Problem])[] => {
  const samples = small ? 40 : 200
  const features = small ? 6 : 20
  const regression = syntheticRegression({ samples, features, noise: 0.5, seed: 1 })
  const sparse = syntheticRegression({ samples, features, support: 4, noise: 0.5, seed: 2 })
  const classification = syntheticClassification({ samples, features, noise: 1, seed: 3 })
  const classes = syntheticClassification({
    samples: samples / 2,
    features: 6,
    classes: 3,
    noise: 0.5,
    seed: 4,
  })
  const layer = {
    features: array(stream(5, 'features').normals(8 * 3), [8, 3]),
    targets: array(stream(5, 'targets').normals(8 * 2), [8, 2]),
  }
  const tol = 1e-10
  const all = [
    ['ridge, gradient descent', ridgeRegression(regression, { tune: 'penalties', tol })],
    ['ridge, Newton', ridgeRegression(regression, { tune: 'penalties', solver: 'newton', tol })],
    ['logistic, gradient descent', logisticRegression(classification, { tune: 'penalties', tol })],
    ['logistic, Newton', logisticRegression(classification, { tune: 'penalties', solver: 'newton', tol })],
    ['lasso, FISTA', lasso(sparse, { tol })],
    ['elastic net, FISTA', elasticNet(sparse, { tol })],
    ['data cleaning', dataCleaning(classes, { tol })],
    ['equilibrium layer', equilibriumLayer(layer, { width: 6, contraction: 0.8, tol })],
  ] as const
  return all.map(([name, problem]) => [name, problem as unknown as Problem])
}

const contestants: readonly (readonly [family: string, strategies: readonly Strategy[]])[] = [
  ['one-step', [oneStep()]],
  ['truncated-K, unrolled', [...[3, 10, 30].map((k) => truncated(k)), unrolled()]],
  ['Neumann-K', [3, 10, 30, 100].map((k) => neumann(k))],
  ['phantom-K', [3, 10].map((k) => phantom(k, 0.5))],
  ['implicit', [implicit()]],
  ['CG, GMRES', [implicit({ linearSolver: 'cg' }), implicit({ linearSolver: 'gmres' })]],
  ['auto', [auto()]],
]

interface Point {
  readonly problem: string
  readonly family: string
  readonly strategy: string
  /** Relative to the exact hypergradient. */
  readonly error: number
  /** Time of solve and hypergradient over that of the solve. */
  readonly cost: number
  /** Not ok where the strategy itself says that it failed, such as CG on a system that is not symmetric. */
  readonly status: string
}

/** All numbers of a tree of arrays, by the names of its parts. */
const entries = (tree: unknown): number[] => {
  if (tree instanceof NDArray) return [...tree.data]
  if (typeof tree === 'number') return [tree]
  const parts = tree as Readonly<Record<string, unknown>>
  return Object.keys(parts)
    .sort()
    .flatMap((name) => entries(parts[name]))
}

const points = async (
  name: string,
  { inner, x0, outer, theta, oracle }: Problem,
  rounds: number,
): Promise<Point[]> => {
  if (oracle === undefined) throw new Error(`${name} has no oracle`)
  const exact = entries(oracle(theta).gradient)
  const forward = compile((p: never) => solve(inner, { x0, theta: p }))
  const all = contestants.flatMap(([family, strategies]) =>
    strategies.map((strategy) => {
      const h = hypergradient({ inner, x0, outer, strategy, certificate: false })
      const f = compile((p: never) => h(p).gradient)
      const { value, gradientStatus } = f(theta)
      const gradient = entries(value)
      const error = Math.hypot(...gradient.map((g, i) => g - (exact[i] as number))) / Math.hypot(...exact)
      return { family, strategy: strategy.name, error, status: gradientStatus, f }
    }),
  )
  const times = await timing.sideBySide(
    Object.fromEntries([
      ['forward', timing.computing(() => forward(theta))],
      ...all.map(({ strategy, f }) => [strategy, timing.computing(() => f(theta))]),
    ]) as Readonly<Record<string, timing.Contestant>>,
    { rounds, turn: 0.005 },
  )
  return all.map(({ family, strategy, error, status }) => ({
    ...{ problem: name, family, strategy, error, status },
    cost: timing.ratio(times[strategy] ?? [], times.forward ?? []),
  }))
}

const page = (found: readonly Point[]): Promise<string> => {
  const names = [...new Set(found.map(({ problem }) => problem))]
  return htmlReport({
    title: 'Which strategy?',
    subtitle: machineLine(machine()),
    sections: [
      {
        heading: 'Error against cost',
        text: 'Each point is a strategy on a standard problem: processor time of the solve with its hypergradient over that of the solve alone, and the error relative to the exact hypergradient. The inner problems are solved to 1e-10. Strategies with a number of terms or steps K are curves over K. What says of itself that it failed is in the table alone.',
        figure: {
          title: 'Every strategy on every standard problem',
          columns: 2,
          panels: names.map((name) => ({
            title: name,
            x: { label: 'time of solve and gradient / time of solve', scale: 'log' as const },
            y: { label: 'relative error', scale: 'log' as const },
            series: contestants.map(([family]) => {
              const own = found.filter((p) => p.problem === name && p.family === family && p.status === 'ok')
              // Below rounding there is nothing to see, and 0 has no place on a log axis.
              return {
                name: family,
                x: own.map(({ cost }) => cost),
                y: own.map(({ error }) => Math.max(error, 1e-16)),
              }
            }),
          })),
        },
      },
      {
        heading: 'The numbers',
        table: {
          columns: ['problem', 'strategy', 'relative error', 'cost', 'gradient status'],
          rows: found.map(({ problem, strategy, error, cost, status }) => [
            problem,
            strategy,
            error,
            cost,
            status,
          ]),
          digits: 3,
        },
      },
    ],
    data: found,
  })
}

/** Error and cost of every strategy on every standard problem; `out`: a folder for the page. */
export const strategies = async ({
  quick,
  out,
}: {
  readonly quick: boolean
  readonly out?: string
}): Promise<Figure[]> => {
  const found: Point[] = []
  for (const [name, problem] of problems(quick)) found.push(...(await points(name, problem, quick ? 3 : 9)))
  if (out !== undefined) {
    mkdirSync(out, { recursive: true })
    writeFileSync(join(out, 'strategies.html'), await page(found))
  }
  return found.flatMap(({ problem, strategy, error, cost, status }) => [
    reported(`${problem}, ${strategy}: relative error${status === 'ok' ? '' : ` (${status})`}`, error),
    reported(`${problem}, ${strategy}: time over that of the solve`, cost),
  ])
}
