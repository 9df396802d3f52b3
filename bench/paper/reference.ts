// The flaws of the published code, each measured: against finite differences where it is a derivative, by what follows elsewhere.
import { Pool, progressReporter, textTable } from '../../lib/index.js'
import { crossDerivative, label } from './flaws/crossDerivative.js'
import { flaws } from './flaws/finding.js'
import type { Finding } from './flaws/finding.js'
import { interiorPointStart } from './flaws/interiorPointStart.js'
import { lineSearch } from './flaws/lineSearch.js'
import { stopTest } from './flaws/stopTest.js'
import { experimentRidgeData } from './ridgeData.js'
import { onPool } from './runner.js'

export interface ReferenceResult {
  /** The data of ridge: the file, or 'synthetic'. */
  readonly data: string
  readonly samples: number
  readonly findings: readonly Finding[]
}

/** All flaws. `data`: an ARFF file; synthetic data without it. `quick`: 512 samples; `quiet`: without progress. */
export const referenceExperiment = async (options: {
  readonly quick: boolean
  readonly quiet: boolean
  readonly data?: string
}): Promise<ReferenceResult> => {
  const { quick, quiet, data: path } = options
  const data = await experimentRidgeData(path, quick)
  const report = progressReporter({ label: 'flaws of the published code', quiet })
  const begun = performance.now()
  await using pool = new Pool()
  const parts: (() => Finding[] | Promise<Finding[]>)[] = [
    () => crossDerivative(data),
    () => lineSearch(50),
    () => interiorPointStart(),
    () => stopTest(),
    () => label(onPool(pool), data),
  ]
  const findings: Finding[] = []
  for (const [i, part] of parts.entries()) {
    findings.push(...(await part()))
    const seconds = (performance.now() - begun) / 1000
    report({ done: i + 1, total: parts.length, statuses: {}, seconds })
  }
  return { data: data.source, samples: data.features.shape[0] as number, findings }
}

export const showReference = ({ data, samples, findings }: ReferenceResult): string =>
  [
    `The published code beside the right formulas; ridge on ${data}, ${String(samples)} samples`,
    ...Object.entries(flaws).flatMap(([flaw, title]) => [
      `\n${title}`,
      textTable({
        columns: ['measured', 'right', 'published'],
        rows: findings
          .filter((finding) => finding.flaw === flaw)
          .map(({ quantity, right, published }) => [quantity, right, published]),
        digits: 3,
      }),
    ]),
  ].join('\n')
