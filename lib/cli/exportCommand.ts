// onestep export: the rows of a run directory in one file, for other programs.
import { resolve } from 'node:path'
import { exportFormats, exportRun } from '../study/export/exportRun.js'
import type { ExportFormat } from '../study/export/exportRun.js'
import { progressReporter } from '../study/progress.js'
import { openRun } from '../study/store/runDirectory.js'
import type { Register } from './register.js'
import { selectionOf, selectionOptions } from './selectionOptions.js'
import type { SelectionOptions } from './selectionOptions.js'
import { exitCodes } from './studyRun.js'

interface ExportCommandOptions extends SelectionOptions {
  readonly format: string
  readonly out?: string
  readonly partial?: true
}

const exportCommand = async (dir: string, options: ExportCommandOptions): Promise<number> => {
  const { format, out, partial = false } = options
  const run = await openRun(dir)
  const abort = new AbortController()
  const interrupt = (): void => {
    abort.abort()
  }
  process.on('SIGINT', interrupt)
  const show = progressReporter({ label: 'export' })
  const begun = performance.now()
  try {
    const { path, rows, missing, bytes } = await exportRun(run, {
      format: format as ExportFormat,
      partial,
      signal: abort.signal,
      onProgress: ({ done, total }) => {
        show({ done, total, statuses: {}, seconds: (performance.now() - begun) / 1000 })
      },
      ...(out === undefined ? {} : { out: resolve(out) }),
      ...selectionOf(options),
    })
    show.close()
    if (path === undefined) {
      process.stderr.write(
        `onestep: ${String(missing)} rows are missing; nothing was written. Compute them (onestep resume ${dir}), or export what is there (--partial)\n`,
      )
      return exitCodes.incomplete
    }
    const short = missing === 0 ? '' : `; ${String(missing)} rows are missing`
    process.stdout.write(`${path}: ${String(rows)} rows, ${String(bytes)} bytes${short}\n`)
    return exitCodes.done
  } catch (error) {
    if (!abort.signal.aborted) throw error
    process.stderr.write('\nonestep: interrupted; nothing was written\n')
    return exitCodes.interrupted
  } finally {
    show.close()
    process.off('SIGINT', interrupt)
  }
}

/** Adds the command. */
export const registerExport: Register = (program, finish) => {
  const command = program
    .command('export')
    .description('the rows of a run directory as CSV, JSON lines or Parquet, in their order')
    .argument('<dir>', 'a run directory')
    .option('-f, --format <format>', exportFormats.join(', '), 'csv')
    .option('-o, --out <file>', 'where to; default: export.FORMAT in the run directory')
    .option('--partial', 'also when rows are missing')
  selectionOptions(command)
    .addHelpText(
      'after',
      `
The file is there whole or not at all. Numbers keep every bit; arrays are spread over columns, "gradient.w[0]".

Exit codes: 0 done; 1 failed; 2 wrong use; 4 rows are missing, nothing was written; 130 interrupted.

Example:
  onestep export runs/lambda-sweep --format parquet --columns index,theta.lambda,value`,
    )
    .action(async (dir: string, options: ExportCommandOptions) => {
      finish(await exportCommand(dir, options))
    })
}
