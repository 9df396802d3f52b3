// The bench "matrix": a study of kind bench, as a user writes one, computed by the library: examples/studies/strategies.yaml. Each cell is
// measured in processes of its own; here its rows become figures.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { computerOf, runStudy, startStudy, statistics } from '../lib/index.js'
import type { RunDirectory } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'
import { atMost, reported } from './figures.js'
import type { Figure } from './figures.js'

const file = join(packageRoot(), 'examples', 'studies', 'strategies.yaml')

/** Strategies whose gradients are exact but for the tolerance of the solve, 1e-8. */
const exact = /^(implicit|unrolled|auto)/

/** Columns of each variant, as numbers. */
const columnsOf = async <N extends string>(
  run: RunDirectory,
  names: readonly N[],
): Promise<ReadonlyMap<string, Readonly<Record<N, number[]>>>> => {
  const found = new Map<string, Readonly<Record<N, number[]>>>()
  for await (const { rows, data } of run.blocks({ columns: ['variant', ...names] })) {
    const [variants, ...columns] = data as readonly ArrayLike<number>[]
    for (let row = 0; row < rows; row++) {
      const name = run.manifest.variants[variants?.[row] as number]?.name ?? ''
      const own =
        found.get(name) ?? (Object.fromEntries(names.map((n) => [n, []])) as unknown as Record<N, number[]>)
      found.set(name, own)
      names.forEach((n, k) => own[n].push(columns[k]?.[row] as number))
    }
  }
  return found
}

/** Seconds and errors of every cell; `quick`: one size; `out`: a folder for the run directory. */
export const matrix = async ({
  quick,
  out,
}: {
  readonly quick: boolean
  readonly out?: string
}): Promise<Figure[]> => {
  const scratch = await mkdtemp(join(tmpdir(), 'onestep-matrix-'))
  try {
    const run = await startStudy(file, {
      dir: out ?? join(scratch, 'run'),
      overrides: quick ? ['bench.sizes=[5]', 'bench.repeats=2'] : ['repeats=3'],
    })
    const computer = await computerOf(run, 1)
    try {
      await runStudy(run, { computer })
    } finally {
      await computer.close()
    }
    const cells = await columnsOf(run, ['cpuSeconds', 'error'])
    return [...cells].flatMap(([name, { cpuSeconds, error }]) => {
      const worst = `${name}: relative error`
      const largest = Math.max(...error)
      return [
        reported(`${name}: processor milliseconds of 64 θ`, 1e3 * statistics.median(cpuSeconds)),
        exact.test(name) ? atMost(worst, largest, 1e-5) : reported(worst, largest),
      ]
    })
  } finally {
    await rm(scratch, { recursive: true })
  }
}
