// All experiments as one page: what the paper shows beside the published figures, what it does not show, and, where wanted, the
// flaws of its code.
import { htmlReport } from '../../../lib/index.js'
import type { BeyondReport } from '../beyondReport.js'
import type { BilevelResult } from '../bilevelReport.js'
import type { BoundsResult } from '../boundsReport.js'
import type { NewtonResult } from '../newtonReport.js'
import type { QpResult } from '../qpReport.js'
import type { ReferenceResult } from '../reference.js'
import type { RidgeResult } from '../ridgeReport.js'
import { beyondExhibits } from './beyond.js'
import { bilevelExhibits } from './bilevel.js'
import { boundsExhibits, stepSizeExhibit } from './bounds.js'
import { figureCsv, sectionOf } from './exhibit.js'
import type { Exhibit } from './exhibit.js'
import { interiorPointExhibits } from './interiorPoint.js'
import { newtonExhibits } from './newton.js'
import { referenceExhibits } from './reference.js'
import { ridgeExhibits, ridgeReferenceExhibit } from './ridge.js'

export interface PaperResults {
  readonly newton: NewtonResult
  readonly qp: QpResult
  readonly ridge: RidgeResult
  readonly bounds: BoundsResult
  readonly bilevel: BilevelResult
  readonly beyond: BeyondReport
  /** Present where the flaws of the published code were asked for. */
  readonly reference?: ReferenceResult
}

/** The parts of the page with their exhibits. */
export const partsOf = (results: PaperResults): readonly (readonly [string, readonly Exhibit[]])[] => {
  const { newton, qp, ridge, bounds, bilevel, beyond, reference } = results
  return [
    [
      'What the paper shows',
      [
        ...newtonExhibits(newton),
        ...interiorPointExhibits(qp),
        ...ridgeExhibits(ridge),
        ...boundsExhibits(bounds),
        ...bilevelExhibits(bilevel),
        stepSizeExhibit(bounds),
      ],
    ],
    ['Beyond the paper', beyondExhibits(beyond)],
    ...(reference === undefined
      ? []
      : [['The published code', [...referenceExhibits(reference), ridgeReferenceExhibit(ridge)]] as const]),
  ]
}

/** JSON has no NaN, infinities and −0: they are written by name. */
const named = (_: string, value: unknown): unknown => {
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return Object.is(value, -0) ? '-0' : String(value)
}

/** The files of the report by name: index.html, results.json, and the CSV of each figure. */
export const paperFiles = async (
  results: PaperResults,
  subtitle: string,
): Promise<ReadonlyMap<string, string>> => {
  const parts = partsOf(results)
  const sections = parts.flatMap(([, exhibits], part) =>
    exhibits.map((exhibit, i) => {
      const section = sectionOf(exhibit)
      return { ...section, heading: `${String(part + 1)}.${String(i + 1)} ${section.heading}` }
    }),
  )
  const html = await htmlReport({
    title: 'One-step differentiation of iterative algorithms: the experiments',
    subtitle,
    sections,
    data: results,
  })
  const figures = parts.flatMap(([, exhibits]) =>
    exhibits.flatMap(({ figure }) => (figure === undefined ? [] : [figure])),
  )
  return new Map([
    ['index.html', html],
    ['results.json', `${JSON.stringify(results, named, 1)}\n`],
    ...figures.map((figure): [string, string] => [`${figure.name}.csv`, figureCsv(figure)]),
  ])
}
