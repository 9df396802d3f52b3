// What the page of the paper is made of: a heading with what it shows, a figure that has a name and becomes a CSV file, a table.
import { csvText } from '../../../lib/index.js'
import type { groupedPanels, htmlReport } from '../../../lib/index.js'

export type ReportSection = Parameters<typeof htmlReport>[0]['sections'][number]
export type Figure = Exclude<NonNullable<ReportSection['figure']>, string>
export type Table = NonNullable<ReportSection['table']>
export type Panel = Parameters<typeof groupedPanels>[0]['panels'][number]
export type Series = Panel['series'][number]

export interface Exhibit {
  readonly heading: string
  /** Paragraphs, separated by empty lines. */
  readonly text?: string
  readonly figure?: NamedFigure
  readonly table?: Table
}

/** A figure, and the name of its CSV file without ending. */
export interface NamedFigure {
  readonly name: string
  readonly drawn: Figure
}

/** A section of the page, which says where the numbers of its figure are. */
export const sectionOf = ({ heading, text, figure, table }: Exhibit): ReportSection => {
  const source = figure === undefined ? [] : [`The numbers of the figure: ${figure.name}.csv.`]
  return {
    heading,
    text: [...(text === undefined ? [] : [text]), ...source].join('\n\n'),
    ...(figure === undefined ? {} : { figure: figure.drawn }),
    ...(table === undefined ? {} : { table }),
  }
}

/** One record a point; `low` and `high` are the edges of a band. */
export const figureCsv = ({ drawn }: NamedFigure): string => {
  const panels = 'panels' in drawn ? drawn.panels : [drawn]
  const records = panels.flatMap(({ title = '', x, y, series }) =>
    series.flatMap((one) =>
      Array.from(one.x, (value, i) => [
        ...[title, one.name, x.label, y.label, value, one.y[i] ?? NaN],
        ...[one.band?.low[i] ?? null, one.band?.high[i] ?? null],
      ]),
    ),
  )
  return csvText(['panel', 'series', 'x axis', 'y axis', 'x', 'y', 'low', 'high'], records)
}

type Point = readonly [x: number, y: number]

/** A series of pairs. */
/** Where y = x: what a law predicts. */
export const diagonal = (name: string, from: number, to: number): Series =>
  seriesOf(
    name,
    [
      [from, from],
      [to, to],
    ],
    { style: 'dotted', marker: 'none' },
  )

export const seriesOf = (
  name: string,
  points: readonly Point[],
  look: Omit<Series, 'name' | 'x' | 'y'> = {},
): Series => ({ name, x: points.map(([x]) => x), y: points.map(([, y]) => y), ...look })
