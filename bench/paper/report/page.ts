// All experiments as one page: what the paper shows beside the published figures, what it does not show, and, where wanted, the
// flaws of its code.
import { htmlReport } from '../../../lib/index.js'
import { beyondExhibits } from './beyond.js'
import { bilevelExhibits } from './bilevel.js'
import { boundsExhibits, stepSizeExhibit } from './bounds.js'
import { figureCsv, sectionOf } from './exhibit.js'
import type { Exhibit, ReportSection } from './exhibit.js'
import { interiorPointExhibits } from './interiorPoint.js'
import { newtonExhibits } from './newton.js'
import { referenceExhibits } from './reference.js'
import type { PaperResults } from './results.js'
import { ridgeExhibits, ridgeReferenceExhibit } from './ridge.js'
import { summaryExhibit } from './summary.js'

export interface Part {
  readonly title: string
  readonly text: string
  readonly exhibits: readonly Exhibit[]
}

/** The parts of the page with their exhibits. */
export const partsOf = (results: PaperResults): readonly Part[] => {
  const { newton, qp, ridge, bounds, bilevel, beyond, reference } = results
  const shown: Part = {
    title: 'What the paper shows',
    text: 'The experiments of “One-step differentiation of iterative algorithms” (Bolte, Pauwels, Vaiter, NeurIPS 2023): the two timing plots, the four panels of ridge, and its inequalities, checked where their constants are known.',
    exhibits: [
      ...newtonExhibits(newton),
      ...interiorPointExhibits(qp),
      ...ridgeExhibits(ridge),
      ...boundsExhibits(bounds),
      ...bilevelExhibits(bilevel),
      stepSizeExhibit(bounds),
    ],
  }
  const more: Part = {
    title: 'Beyond the paper',
    text: 'Estimators that cost as little as one-step and are better, laws of its error, and which estimator to take when. All of it is computed through the public functions of the package.',
    exhibits: beyondExhibits(beyond),
  }
  if (reference === undefined) return [shown, more]
  const flawed: Part = {
    title: 'The published code',
    text: 'Four flaws of the code behind the figures, each measured beside the right formula: against finite differences where it is a derivative, by what follows where it is not. A fifth finding is a label. None of them touches what the paper says of superlinear algorithms: parts 1 and 2 find the same.',
    exhibits: [...referenceExhibits(reference), ridgeReferenceExhibit(ridge)],
  }
  return [shown, more, flawed]
}

const sectionsOf = ({ title, text, exhibits }: Part, i: number): ReportSection[] => {
  const place = String(i + 1)
  return [
    { heading: `${place} ${title}`, text },
    ...exhibits.map((exhibit, j) => {
      const section = sectionOf(exhibit)
      return { ...section, heading: `${place}.${String(j + 1)} ${section.heading}` }
    }),
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
  const html = await htmlReport({
    title: 'One-step differentiation of iterative algorithms: the experiments',
    subtitle,
    sections: [sectionOf(summaryExhibit(results)), ...parts.flatMap(sectionsOf)],
    data: results,
  })
  const figures = parts.flatMap(({ exhibits }) =>
    exhibits.flatMap(({ figure }) => (figure === undefined ? [] : [figure])),
  )
  return new Map([
    ['index.html', html],
    ['results.json', `${JSON.stringify(results, named, 1)}\n`],
    ...figures.map((figure): [string, string] => [`${figure.name}.csv`, figureCsv(figure)]),
  ])
}
