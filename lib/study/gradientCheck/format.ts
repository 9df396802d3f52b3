// A gradient check for people.
import { gradientStatuses, statuses } from '../../base/status.js'
import { textTable } from '../table.js'
import type { DirectionCheck, GradientCheck } from './checkGradient.js'
import type { Doubt } from './verdict.js'

const doubts: Readonly<Record<Doubt, string>> = {
  truncation: 'the function bends too much within the steps, or is not smooth: take more steps',
  noise: 'the values are too noisy: lower the tolerance of what is solved, or raise tol',
  kink: 'the one-sided derivatives at θ differ: check at another θ',
  stopping: 'the solves stop too early for a difference to tell: lower their tol',
  status: 'too few values beside θ are finite, have the status of θ, and are those of a solution',
  gradientStatus: 'the derivative came with a warning',
}

const remedies = (check: GradientCheck): readonly string[] => {
  const status = statuses.find(({ name }) => name === check.status)
  const gradientStatus = gradientStatuses.find(({ name }) => name === check.gradientStatus)
  return [status, gradientStatus]
    .filter((entry) => entry !== undefined && entry.remedy !== '')
    .map((entry) => `${entry?.name ?? ''}: ${entry?.message ?? ''}. ${entry?.remedy ?? ''}.`)
}

const count = ({ rows }: GradientCheck, verdict: DirectionCheck['verdict']): string =>
  `${String(rows.filter((row) => row.verdict === verdict).length)} ${verdict}`

/** What `checkGradient` found, as a table with its verdict below; ends without a line end. */
export const formatGradientCheck = (check: GradientCheck): string => {
  const { rows, value, status, gradientStatus, iterations, tol, verdict } = check
  const table = textTable({
    columns: ['direction', 'derivative', 'difference', 'error', 'relative', 'verdict'],
    rows: rows.map((row) => [
      row.name,
      row.derivative,
      row.difference,
      row.error,
      row.relativeError,
      row.doubt === undefined ? row.verdict : `${row.verdict}: ${row.doubt}`,
    ]),
  })
  const found = [...new Set(rows.flatMap(({ doubt }) => (doubt === undefined ? [] : [doubt])))]
  const verdicts = (['agrees', 'disagrees', 'inconclusive'] as const).map((name) => count(check, name))
  return [
    `value ${String(value)}, ${status} after ${String(iterations)} steps, gradient ${gradientStatus}`,
    '',
    table,
    '',
    ...found.map((doubt) => `${doubt}: ${doubts[doubt]}.`),
    ...remedies(check),
    `${verdict} (${verdicts.join(', ')}; tol ${String(tol)})`,
  ].join('\n')
}
