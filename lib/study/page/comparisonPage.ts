// A comparison of two runs for people: a table, and a page with the intervals as a figure.
import type { Panel } from '../figure.js'
import { htmlReport } from '../report.js'
import type { Cell, Table } from '../table.js'
import type { ComparedColumn, Comparison } from './comparison.js'
import { figureCsv, tableCsv } from './exhibits.js'

const percent = (x: number): string => {
  if (!Number.isFinite(x)) return String(x)
  const text = (100 * x).toFixed(Math.abs(x) < 0.1 ? 2 : 1)
  return `${x > 0 ? '+' : ''}${text} %`
}

/** The comparison as a table: what is judged first, the worst on top. */
export const comparisonTable = ({ columns }: Pick<Comparison, 'columns'>): Table => {
  const rank = ({ verdict }: ComparedColumn): number =>
    ['regression', 'improvement', 'unclear', 'too few', 'same', 'not judged'].indexOf(verdict)
  const sorted = [...columns].sort((x, y) => rank(x) - rank(y))
  return {
    columns: ['variant', 'column', 'A', 'B', 'change', 'from', 'to', 'verdict', 'shift', 'p'],
    rows: sorted.map(({ variant, column, a, b, change, low, high, verdict, shift, p }): Cell[] => [
      ...[variant, column, a, b],
      ...[percent(change), percent(low), percent(high), verdict],
      ...[shift ?? null, p ?? null],
    ]),
  }
}

/** One line that says what came of it. */
export const comparisonVerdict = ({ columns, threshold }: Comparison): string => {
  const count = (verdict: ComparedColumn['verdict']): number =>
    columns.filter((column) => column.verdict === verdict).length
  const [worse, better, unclear] = [count('regression'), count('improvement'), count('unclear')]
  const beyond = `beyond ${String(100 * threshold)} %`
  if (worse === 0 && better === 0)
    return `no change ${beyond} that the intervals support${unclear > 0 ? `; ${String(unclear)} unclear` : ''}`
  return `${String(worse)} worse and ${String(better)} better ${beyond}${unclear > 0 ? `; ${String(unclear)} unclear` : ''}`
}

/** Variants in the figure. */
const MOST_VARIANTS = 40

const intervals = ({ columns, threshold }: Comparison): readonly Panel[] => {
  const judged = columns.filter(
    ({ verdict, low, high }) => verdict !== 'not judged' && Number.isFinite(low) && Number.isFinite(high),
  )
  const variants = [...new Set(columns.map(({ variant }) => variant))].slice(0, MOST_VARIANTS)
  return [...new Set(judged.map(({ column }) => column))].map((column): Panel => {
    const own = judged.filter((one) => one.column === column && variants.includes(one.variant))
    const x = own.map(({ variant }) => variants.indexOf(variant) + 1)
    const of = (key: 'change' | 'low' | 'high'): number[] => own.map((one) => 100 * one[key])
    const ends = [0.5, variants.length + 0.5] as const
    return {
      title: column,
      x: { label: 'variant, in the order of the table of variants', whole: true, domain: ends },
      y: { label: 'change in %, with its interval' },
      series: [
        { name: 'change', x, y: of('change'), style: 'dots', band: { low: of('low'), high: of('high') } },
        ...[-threshold, threshold].map((at) => ({
          ...{ name: 'threshold', x: ends, y: [100 * at, 100 * at], marker: 'none' as const },
          style: 'dotted' as const,
        })),
      ],
    }
  })
}

/** The comparison as one HTML file. @throws {OnestepError} (ERR_MISSING_PACKAGE) where packages that draw are missing */
export const comparisonPage = async (comparison: Comparison, title?: string): Promise<string> => {
  const { names, ids, only, paired, columns } = comparison
  const [a, b] = names
  const panels = intervals(comparison)
  const figure = { title: 'B against A', panels, columns: Math.min(panels.length, 2), height: 240 }
  const table = comparisonTable(comparison)
  const left = [
    only[0].length > 0 ? `Only in A: ${only[0].join('; ')}.` : '',
    only[1].length > 0 ? `Only in B: ${only[1].join('; ')}.` : '',
  ]
  const variants = [...new Set(columns.map(({ variant }) => variant))]
  return htmlReport({
    title: title ?? `${a} beside ${b}`,
    subtitle: `A ${ids[0]}, B ${ids[1]}: ${comparisonVerdict(comparison)}`,
    sections: [
      {
        heading: 'Changes',
        text: [
          `A change is that of the median, relative to A; of “failed” it is the difference of the shares of rows that did not converge. From and to are the ends of an interval that holds the truth 95 times of 100, by the bootstrap${paired ? ', which draws rows of one θ together: both runs have the same' : ''}. A verdict is given where the whole interval lies on one side of the threshold.`,
          ...left.filter((text) => text !== ''),
        ].join('\n\n'),
        table,
        download: { name: 'comparison.csv', text: tableCsv(table) },
      },
      ...(panels.length > 0
        ? [{ heading: 'Intervals', figure, download: { name: 'intervals.csv', text: figureCsv(figure) } }]
        : []),
      {
        heading: 'Variants',
        table: { columns: ['number', 'variant'], rows: variants.map((name, i) => [i + 1, name]) },
      },
    ],
  })
}
