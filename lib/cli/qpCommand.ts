// onestep qp: a quadratic program from a QPS file, solved, judged on its own data, and differentiated.
import { ArgumentError, DataError } from '../base/errors.js'
import { statusCode, statuses } from '../base/status.js'
import { readQps } from '../data/qps.js'
import { plainJson } from './plainJson.js'
import { sideNames } from '../problems/quadratic/quadraticProgram.js'
import type { ProgramVectors } from '../problems/quadratic/quadraticProgram.js'
import { solveProgram } from '../problems/quadratic/solvedProgram.js'
import type { SolvedProgram } from '../problems/quadratic/solvedProgram.js'
import { textTable } from '../study/table.js'
import type { Cell } from '../study/table.js'
import type { Register } from './register.js'

export interface QpOptions {
  readonly json?: boolean
  readonly sensitivity?: boolean
  readonly tol: string
  readonly maxSteps: string
}

/** Rows of a table for people; JSON has all. */
const mostRows = 30

const named = (names: readonly string[], values: Float64Array): Record<string, number> =>
  Object.fromEntries(names.map((name, i) => [name, values[i] as number]))

/** The names that belong to the entries of each vector. */
const namesOf = ({ form: { data, sides } }: SolvedProgram): ProgramVectors<readonly string[]> => {
  const of = (name: (typeof sideNames)[number]): readonly string[] => {
    const { kind, indices } = sides[name]
    return indices.map((i) => (kind === 'row' ? data.rowNames : data.columnNames)[i] as string)
  }
  return {
    c: data.columnNames,
    rowEqual: of('rowEqual'),
    fixed: of('fixed'),
    rowLower: of('rowLower'),
    rowUpper: of('rowUpper'),
    lower: of('lower'),
    upper: of('upper'),
  }
}

const json = (file: string, tol: number, solved: SolvedProgram): string => {
  const { form, status, objective, iterations, primal, dual, gap, active, certificate, sensitivity } = solved
  const { data } = form
  const names = namesOf(solved)
  const byName = (gradient: ProgramVectors<Float64Array>) =>
    Object.fromEntries((['c', ...sideNames] as const).map((key) => [key, named(names[key], gradient[key])]))
  const solution = ({
    x,
    rowMultipliers,
    boundMultipliers,
  }: Pick<SolvedProgram, 'x' | 'rowMultipliers' | 'boundMultipliers'>) => ({
    x: named(data.columnNames, x),
    rowMultipliers: named(data.rowNames, rowMultipliers),
    boundMultipliers: named(data.columnNames, boundMultipliers),
  })
  const report = {
    file,
    name: data.name,
    sense: data.sense,
    variables: data.columnNames.length,
    rows: data.rowNames.length,
    status,
    objective,
    iterations,
    tolerance: tol,
    residuals: { primal, dual, gap },
    active,
    ...solution(solved),
    ...(certificate && {
      certificate: { residual: certificate.residual, ...solution(certificate.certificate) },
    }),
    ...(sensitivity && {
      sensitivity: {
        status: sensitivity.status,
        reason: sensitivity.reason,
        value: byName(sensitivity.value),
        halfNorm: byName(sensitivity.halfNorm),
      },
    }),
  }
  return plainJson(report)
}

/** A table with its largest rows by the last number of each, in their order, and how many are left out. */
const shortTable = (columns: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const size = (row: readonly Cell[]): number =>
    Math.max(0, ...row.map((cell) => (typeof cell === 'number' ? Math.abs(cell) : 0)))
  const least = [...rows].map(size).sort((a, b) => b - a)[mostRows - 1] ?? 0
  const kept = rows.length <= mostRows ? rows : rows.filter((row) => size(row) >= least).slice(0, mostRows)
  const left = rows.length - kept.length
  return (
    textTable({ columns, rows: kept, digits: 8 }) +
    (left === 0 ? '' : `\n… ${String(left)} smaller ones: --json has all`)
  )
}

const sections = (solved: SolvedProgram): readonly string[] => {
  const { form, status, active, x, certificate, sensitivity } = solved
  const { columnNames, rowNames } = form.data
  const list = (names: readonly string[], values: Float64Array): Cell[][] =>
    names.flatMap((name, i) => (values[i] === 0 ? [] : [[name, values[i] as number]]))
  if (certificate !== undefined) {
    const { residual, certificate: proof } = certificate
    const proved =
      status === 'infeasible'
        ? 'rows and bounds times these multipliers add up to 0 ≤ −1'
        : 'along this direction no side is met, and the objective changes for ever'
    const rows =
      status === 'infeasible'
        ? [...list(rowNames, proof.rowMultipliers), ...list(columnNames, proof.boundMultipliers)]
        : list(columnNames, proof.x)
    return [
      `${proved}; residual ${residual.toExponential(1)}`,
      shortTable(['row or variable', 'certificate'], rows),
    ]
  }
  if (status !== 'converged') return []
  const names = namesOf(solved)
  return [
    shortTable(
      ['variable', 'x'],
      columnNames.map((name, j) => [name, x[j] as number]),
    ),
    active.length === 0
      ? 'no side is active'
      : shortTable(
          ['active side', 'row or variable', 'multiplier', ''],
          active.map(({ side, name, multiplier, strict }) => [
            side,
            name,
            multiplier,
            strict ? '' : 'weakly',
          ]),
        ),
    ...(sensitivity === undefined
      ? []
      : [
          `gradients: ${sensitivity.status}${sensitivity.reason === '' ? '' : `: ${sensitivity.reason}`}`,
          shortTable(
            ['vector', 'row or variable', '∂ optimal value', '∂ ½‖x‖²'],
            (['c', ...sideNames] as const).flatMap((key) =>
              names[key].map((name, i) => [
                key,
                name,
                sensitivity.value[key][i] as number,
                sensitivity.halfNorm[key][i] as number,
              ]),
            ),
          ),
        ]),
  ]
}

const text = (file: string, solved: SolvedProgram): string => {
  const { form, status, objective, iterations, primal, dual, gap } = solved
  const { name, sense, columnNames, rowNames } = form.data
  const told = statuses[statusCode[status]] as (typeof statuses)[number]
  const facts = [
    [
      'program',
      `${name === '' ? file : name}: ${sense}, ${String(columnNames.length)} variables, ${String(rowNames.length)} rows`,
    ],
    [
      'status',
      `${status} after ${String(iterations)} steps${status === 'converged' ? '' : `: ${told.message}. ${told.remedy}`}`,
    ],
    ['objective', String(objective)],
    [
      'residuals',
      `primal ${primal.toExponential(1)}, dual ${dual.toExponential(1)}, gap ${gap.toExponential(1)}`,
    ],
  ]
  const head = facts.map(([key, value]) => `${(key as string).padEnd(11)}${value as string}`).join('\n')
  return [head, ...sections(solved)].join('\n\n')
}

const positive = (name: string, given: string, whole: boolean): number => {
  const value = given.trim() === '' ? NaN : Number(given)
  if (value > 0 && value < Infinity && (!whole || Number.isInteger(value))) return value
  throw new ArgumentError(`--${name}`, {
    expected: whole ? 'a whole number above 0' : 'a positive number',
    received: JSON.stringify(given),
  })
}

/**
 * Solves the program in a QPS file and prints what was found.
 * @returns the exit code: 0 converged; 1 not, be it infeasible, unbounded or not accurate enough; 2 for a file that cannot be read.
 */
export const qpCommand = async (file: string, options: QpOptions): Promise<number> => {
  const tol = positive('tol', options.tol, false)
  const maxSteps = positive('max-steps', options.maxSteps, true)
  try {
    const solved = solveProgram(await readQps(file), {
      tol,
      maxSteps,
      sensitivity: options.sensitivity === true,
    })
    console.log(options.json === true ? json(file, tol, solved) : text(file, solved))
    return solved.status === 'converged' ? 0 : 1
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    console.error(`onestep: ${error.message} [${error.code}]`)
    return 2
  }
}

/** Adds the command. */
export const registerQp: Register = (program, finish) => {
  program
    .command('qp')
    .description(
      'solve a convex quadratic program from a QPS file, with residuals, multipliers and gradients',
    )
    .argument('<file>', 'QPS text, in free or fixed format')
    .option('--json', 'as JSON, with all numbers')
    .option('--sensitivity', 'gradients of the optimal value and of ½‖x‖² with respect to all vectors', false)
    .option(
      '--tol <tolerance>',
      'absolute tolerance on the residuals of the program in the file; a thousandth is aimed at',
      '1e-6',
    )
    .option('--max-steps <count>', 'step limit', '200')
    .addHelpText(
      'after',
      `
Exit codes: 0 converged; 1 infeasible, unbounded or not to the tolerance; 2 wrong use, a bad file or no convex program.

Example:
  onestep qp portfolio.qps --sensitivity --json`,
    )
    .action(async (file: string, options: QpOptions) => {
      finish(await qpCommand(file, options))
    })
}
