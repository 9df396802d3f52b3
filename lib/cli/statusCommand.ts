// onestep status and stop: how far a run directory is, who works on it, and asking them to end.
import { askToStop, runnersOf } from '../study/presence.js'
import { openRun } from '../study/store/runDirectory.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { countStatuses } from '../study/compute/rows.js'
import type { Register } from './register.js'
import { exitCodes } from './studyRun.js'

/** How far a run directory is: chunk files that are there, their rows, and how the rows ended. */
const standing = async (run: RunDirectory) => {
  const done = await run.done()
  const chunks = done.reduce((n, flag) => n + flag, 0)
  const rows = done.reduce((n, flag, chunk) => n + flag * (run.range(chunk).hi - run.range(chunk).lo), 0)
  const statuses: Record<string, number> = {}
  if (run.manifest.columns.some(({ name }) => name === 'status')) {
    for await (const block of run.blocks({ columns: ['status'] })) {
      for (const [name, n] of Object.entries(countStatuses(block))) statuses[name] = (statuses[name] ?? 0) + n
    }
  }
  const { manifest, dir } = run
  return {
    ...{ name: manifest.specification.name, dir, id: manifest.id },
    ...{
      rows,
      allRows: manifest.rows,
      chunks,
      allChunks: done.length,
      complete: chunks === done.length,
      statuses,
    },
    runners: (await runnersOf(run)).filter(({ state }) => state !== 'done'),
  }
}

const statusCommand = async (dir: string, { json }: { readonly json?: true }): Promise<number> => {
  const found = await standing(await openRun(dir))
  if (json === true) process.stdout.write(`${JSON.stringify(found)}\n`)
  else {
    const { name, rows, allRows, chunks, allChunks, statuses, runners } = found
    const lines = [
      `${name}: ${String(rows)} of ${String(allRows)} rows, ${String(chunks)} of ${String(allChunks)} chunks`,
      ...Object.entries(statuses).map(([status, n]) => `  ${String(n)} ${status}`),
      ...runners.map(
        ({ host, pid, state, rate, updated }) =>
          `  ${host}, process ${String(pid)}: ${state}, ${rate.toFixed(0)} rows/s, last heard of ${updated}`,
      ),
      ...(found.complete || runners.length > 0 ? [] : [`Nobody works here; to go on: onestep resume ${dir}`]),
    ]
    process.stdout.write(`${lines.join('\n')}\n`)
  }
  return found.complete ? exitCodes.done : exitCodes.incomplete
}

const stopCommand = async (dir: string): Promise<number> => {
  const run = await openRun(dir)
  await askToStop(run)
  process.stdout.write(
    `Asked all that work on ${run.manifest.specification.name} to end after the chunks that they hold; to go on: onestep resume ${dir}\n`,
  )
  return exitCodes.done
}

/** Adds the commands. */
export const registerStatus: Register = (program, finish) => {
  program
    .command('status')
    .description('how far a run directory is, and who works on it')
    .argument('<dir>', 'a run directory')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 complete; 1 failed; 2 wrong use; 4 rows are missing.

Example:
  onestep status runs/lambda-sweep`,
    )
    .action(async (dir: string, options: { readonly json?: true }) => {
      finish(await statusCommand(dir, options))
    })
  program
    .command('stop')
    .description(
      'ask all that compute a run directory, on any machine, to end after the chunks that they hold',
    )
    .argument('<dir>', 'a run directory')
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 failed; 2 wrong use.\n\nExample:\n  onestep stop runs/lambda-sweep',
    )
    .action(async (dir: string) => {
      finish(await stopCommand(dir))
    })
}
