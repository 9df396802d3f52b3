// onestep env: what rows may depend on beside the study: of this machine, or as a run directory recorded it and what differs here.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DataError } from '../base/errors.js'
import { environment, environmentDifferences, environmentFacts } from '../study/environment.js'
import { explained } from '../study/store/durable.js'
import { openRun } from '../study/store/runDirectory.js'
import { textTable } from '../study/table.js'
import type { Register } from './register.js'
import { exitCodes } from './studyRun.js'

const factTable = (value: unknown): string =>
  textTable({ columns: ['fact', 'here'], rows: [...environmentFacts(value)] })

const readJson = async (path: string): Promise<unknown> => {
  const text = await explained(path, 'read the file', () => readFile(path, 'utf8'))
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new DataError(`${path}: no JSON`, { remedy: 'Remove it: "onestep run" writes it again', cause })
  }
}

/** Where the study file was, as a run directory recorded it; the current folder where that is not known or not here. */
const studyFolder = async (path: string): Promise<string> => {
  const origin = await readJson(path).catch(() => undefined)
  const { folder } = (origin ?? {}) as { readonly folder?: unknown }
  return typeof folder === 'string' && existsSync(folder) ? folder : '.'
}

const envCommand = async (dir: string | undefined, json: boolean): Promise<number> => {
  if (dir === undefined) {
    const here = await environment()
    process.stdout.write(`${json ? JSON.stringify(here, null, 2) : factTable(here)}\n`)
    return exitCodes.done
  }
  const run = await openRun(dir)
  const there = await readJson(run.path('environment.json'))
  const here = await environment({ folder: await studyFolder(run.path('origin.json')) })
  const differences = environmentDifferences(there, here)
  if (json) {
    const list = differences.map(([fact, was, is]) => ({ fact, recorded: was, here: is }))
    process.stdout.write(`${JSON.stringify({ recorded: there, differences: list }, null, 2)}\n`)
    return exitCodes.done
  }
  const table = textTable({ columns: ['fact', 'recorded'], rows: [...environmentFacts(there)] })
  const end =
    differences.length === 0
      ? 'Nothing that rows may depend on differs here.'
      : `What differs here:\n\n${textTable({ columns: ['fact', 'recorded', 'here'], rows: differences })}`
  process.stdout.write(`${table}\n\n${end}\n`)
  return exitCodes.done
}

/** Adds the command. */
export const registerEnv: Register = (program, finish) => {
  program
    .command('env')
    .description('versions, BLAS, processor, limits, git and lock file: here, or as a run directory has them')
    .argument('[dir]', 'a run directory: what it recorded, and what differs here')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
No environment variable is shown or recorded, and no password of a command line.

Exit codes: 0 done; 1 failed; 2 wrong use.

Example:
  onestep env runs/lambda-sweep`,
    )
    .action(async (dir: string | undefined, { json = false }: { readonly json?: boolean }) => {
      finish(await envCommand(dir, json))
    })
}
