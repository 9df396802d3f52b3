// A study beside `pool.map` on the same θ, in batches of the same size: what processes, files and checksums cost.
import { rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import {
  NDArray,
  Pool,
  computerOf,
  hypergradient,
  oneStep,
  runStudy,
  startStudy,
  statistics,
} from '../../lib/index.js'
import type { RunDirectory, Tensor } from '../../lib/index.js'
import { atMost, reported } from '../figures.js'
import type { Figure } from '../figures.js'
import { inner, outer, studyText, x0 } from './logisticProblem.js'
import type { Penalty } from './logisticProblem.js'

const chunkRows = 4000
const rounds = 3

/** λ and h(λ) of all rows of a run. */
const rowsOf = async (
  run: RunDirectory,
): Promise<{ readonly lambdas: NDArray[]; readonly values: number[] }> => {
  const [lambdas, values]: [NDArray[], number[]] = [[], []]
  for await (const { rows, data } of run.blocks({ columns: ['theta.lambda', 'value'] })) {
    const [lambda, value] = data as [Float64Array, Float64Array]
    lambdas.push(new NDArray([rows], Float64Array.from(lambda)))
    values.push(...value)
  }
  return { lambdas, values }
}

export const overheadFigures = async (folder: string, share: number): Promise<Figure[]> => {
  const rows = 100_000 * share
  const threads = availableParallelism()
  const file = join(folder, 'overhead.yaml')
  await writeFile(file, studyText(rows, chunkRows))
  const h = hypergradient<Tensor, Penalty, never>({
    ...{ inner: inner as never, x0: x0, outer, strategy: oneStep(), certificate: false },
  })
  const f = (theta: Penalty) => {
    const { value, gradient } = h(theta)
    return { value, gradient }
  }
  await using pool = new Pool({ threads })
  const [studied, mapped]: [number[], number[]] = [[], []]
  let difference = 0
  for (let round = 0; round < rounds; round++) {
    const dir = join(folder, 'overhead')
    const run = await startStudy(file, { dir, threads })
    const computer = await computerOf(run, threads)
    const begun = performance.now()
    await runStudy(run, { computer, threads })
    studied.push((performance.now() - begun) / 1000)
    await computer.close()
    const { lambdas, values } = await rowsOf(run)
    const started = performance.now()
    let at = 0
    for await (const { value } of pool.map(
      f,
      lambdas.map((lambda) => [{ lambda }] as const),
    )) {
      for (const x of value.value.data) difference = Math.max(difference, Math.abs(x - (values[at++] ?? NaN)))
    }
    mapped.push((performance.now() - started) / 1000)
    await rm(dir, { recursive: true })
  }
  const perTheta = (1e6 * statistics.median(mapped)) / rows
  return [
    reported(`logistic regression, ${String(threads)} threads, pool.map: µs for each θ`, perTheta),
    reported('processor time of a θ, about: µs', perTheta * threads),
    atMost(
      'a study over pool.map: time',
      statistics.median(studied.map((s, k) => s / (mapped[k] as number))),
      1.15,
    ),
    atMost('their values differ by', difference, 0),
  ]
}
