// onestep compare: two run directories beside each other, and whether the second one is worse.
import { ArgumentError } from '../base/errors.js'
import { compareRuns, hasRegression } from '../study/page/comparison.js'
import { comparisonPage, comparisonTable, comparisonVerdict } from '../study/page/comparisonPage.js'
import { runSource } from '../study/page/runSource.js'
import { textTable } from '../study/table.js'
import { plainJson } from './plainJson.js'
import type { Register } from './register.js'
import { writeNamed } from './reportCommand.js'
import { exitCodes } from './studyRun.js'

interface CompareCommandOptions {
  readonly json?: true
  readonly threshold: string
  readonly judge?: string
  readonly out?: string
  readonly seed: string
}

/** "5%" and "0.05" are the same. */
const thresholdOf = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim())
  const value = match === null ? NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1)
  if (Number.isFinite(value)) return value
  throw new ArgumentError('--threshold', { expected: 'a share such as 5% or 0.05', received: text })
}

const seedOf = (text: string): number => {
  const value = text.trim() === '' ? NaN : Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new ArgumentError('--seed', { expected: 'a whole number from 0', received: text })
}

const compareCommand = async (a: string, b: string, options: CompareCommandOptions): Promise<number> => {
  const { json = false, threshold, judge, out, seed } = options
  const comparison = await compareRuns(await runSource(a), await runSource(b), {
    threshold: thresholdOf(threshold),
    seed: seedOf(seed),
    ...(judge === undefined ? {} : { judge: judge.split(',').map((name) => name.trim()) }),
  })
  if (out !== undefined) await writeNamed(out, await comparisonPage(comparison))
  if (json) process.stdout.write(`${plainJson({ ...comparison, verdict: comparisonVerdict(comparison) })}\n`)
  else {
    const [onlyA, onlyB] = comparison.only
    const judged = comparison.columns.filter(({ verdict }) => verdict !== 'not judged')
    const others = comparison.columns.length - judged.length
    const notes = [
      ...(onlyA.length > 0 ? [`only in A: ${onlyA.join('; ')}`] : []),
      ...(onlyB.length > 0 ? [`only in B: ${onlyB.join('; ')}`] : []),
      ...(others > 0 ? [`${String(others)} medians of other columns: --json and --out have them`] : []),
      comparisonVerdict(comparison),
    ]
    process.stdout.write(`${textTable(comparisonTable({ columns: judged }))}\n\n${notes.join('\n')}\n`)
  }
  return hasRegression(comparison) ? exitCodes.regression : exitCodes.done
}

/** Adds the command. */
export const registerCompare: Register = (program, finish) => {
  program
    .command('compare')
    .description(
      'two run directories: medians of each variant, their change with an interval, and what became worse',
    )
    .argument('<a>', 'a run directory: what was before')
    .argument('<b>', 'a run directory: what is now')
    .option('--threshold <share>', 'a change beyond it counts, where the whole interval lies beyond it', '5%')
    .option(
      '--judge <columns>',
      'columns in which more is worse, with commas between; default: failed, seconds, iterations, value and the like',
    )
    .option('--out <file>', 'a page as well')
    .option('--seed <number>', 'of the bootstrap', '0')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing is worse; 1 failed; 2 wrong use; 3 something is worse.

Example:
  onestep compare runs/before runs/after --threshold 10% --judge seconds`,
    )
    .action(async (a: string, b: string, options: CompareCommandOptions) => {
      finish(await compareCommand(a, b, options))
    })
}
