// What a study costs: rows a second, its overhead over the pool alone, how memory stays flat over a million rows, and what a second
// worker brings.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from './figures.js'
import { brokerFigures } from './studies/broker.js'
import { memoryFigures } from './studies/memory.js'
import { overheadFigures } from './studies/overhead.js'

interface StudiesOptions {
  readonly quick: boolean
}

/** All figures; --quick has a tenth of the rows. */
export const studies = async ({ quick }: StudiesOptions): Promise<readonly Figure[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'onestep-bench-'))
  const share = quick ? 0.1 : 1
  try {
    return [
      ...(await memoryFigures(folder, share)),
      ...(await overheadFigures(folder, share)),
      ...(await brokerFigures(folder, share)),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
