// onestep report: what a run directory holds, as one HTML file.
import { writeFile } from 'node:fs/promises'
import { OnestepError } from '../base/errors.js'
import { reportPage } from '../study/page/page.js'
import { sourceOfRun } from '../study/page/runSource.js'
import { studySummary } from '../study/page/summary.js'
import { openRun } from '../study/store/runDirectory.js'
import type { Register } from './register.js'
import { exitCodes } from './studyRun.js'

interface ReportOptions {
  readonly out?: string
  readonly title?: string
}

/** Writes a file that the user named. @throws {OnestepError} that names it */
export const writeNamed = async (path: string, text: string): Promise<void> => {
  try {
    await writeFile(path, text)
  } catch (cause) {
    throw new OnestepError(`${path}: the file cannot be written`, {
      code: 'ERR_WRITE',
      received: cause instanceof Error ? cause.message : String(cause),
      remedy: 'Name a file in a folder that is there and that you may write to',
      cause,
    })
  }
}

const reportCommand = async (dir: string, { out, title }: ReportOptions): Promise<number> => {
  const run = await openRun(dir)
  const summary = await studySummary(await sourceOfRun(run))
  const html = await reportPage(summary, title === undefined ? {} : { title })
  if (out === undefined) await run.replace('report.html', html)
  else if (out === '-') process.stdout.write(html)
  else await writeNamed(out, html)
  const { rows, manifest } = summary
  const told =
    rows === manifest.rows ? `${String(rows)} rows` : `${String(rows)} of ${String(manifest.rows)} rows`
  process.stderr.write(
    `${told}: ${out === undefined ? run.path('report.html') : out === '-' ? 'standard output' : out}\n`,
  )
  return rows === manifest.rows ? exitCodes.done : exitCodes.incomplete
}

/** Adds the command. */
export const registerReport: Register = (program, finish) => {
  program
    .command('report')
    .description('a run directory as one HTML file: counts, best rows, figures, a table to sort and filter')
    .argument('<dir>', 'a run directory')
    .option(
      '--out <file>',
      'where it is written; default report.html in the run directory; - is standard output',
    )
    .option('--title <text>', 'default: the name of the study')
    .addHelpText(
      'after',
      `
The file opens without a network; it fetches nothing. A study that is not complete has a report, too.
Exit codes: 0 done; 1 failed; 2 wrong use; 4 written, but rows are missing.

Example:
  onestep report runs/lambda-sweep --out lambda-sweep.html`,
    )
    .action(async (dir: string, options: ReportOptions) => {
      finish(await reportCommand(dir, options))
    })
}
