// onestep init: a study file to begin with.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { ArgumentError, closest } from '../base/errors.js'
import { templates } from '../study/specification/templates.js'
import type { Register } from './register.js'

export interface InitOptions {
  readonly template: string
  readonly force?: true
}

const [usual] = Object.keys(templates) as [string]

/** Writes a file whole, and never over another one unless told to. */
const writeNew = async (file: string, text: string, force: boolean): Promise<boolean> => {
  await mkdir(dirname(file), { recursive: true })
  if (force) {
    await writeFile(file, text)
    return true
  }
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Writes a study file. @returns the exit code: 0 written, 1 the file cannot be written, 2 wrong use or the file is there already. */
export const initCommand = async (file: string, { template, force }: InitOptions): Promise<number> => {
  const names = Object.keys(templates)
  const chosen = Object.hasOwn(templates, template) ? templates[template] : undefined
  if (chosen === undefined) {
    const guess = closest(template, names)
    throw new ArgumentError(`there is no template "${template}"`, {
      expected: names.join(', '),
      remedy: guess === undefined ? 'Take one of these' : `Did you mean "${guess}"?`,
    })
  }
  if (!['.yaml', '.yml'].includes(extname(file).toLowerCase())) {
    throw new ArgumentError(`${file}: a template is YAML`, {
      expected: 'a name that ends with .yaml or .yml',
      received: JSON.stringify(extname(file)),
    })
  }
  try {
    if (!(await writeNew(file, chosen.text, force === true))) {
      console.error(
        `onestep: ${file} is there already and was left as it is. Give another name, or --force to replace it.`,
      )
      return 2
    }
  } catch (error) {
    console.error(
      `onestep: ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    )
    return 1
  }
  console.log(
    [
      `${file}: ${chosen.description}.`,
      '',
      'Next:',
      `  onestep validate ${file}    what it comes to, or what is wrong with it`,
      `  onestep plan ${file}        what it would cost here`,
      `  onestep run ${file}         compute it; Ctrl-C and "onestep resume" at any time`,
    ].join('\n'),
  )
  return 0
}

/** Adds the command. */
export const registerInit: Register = (program, finish) => {
  program
    .command('init')
    .description('write a study file to begin with')
    .argument('[file]', 'where to write it', 'study.yaml')
    .option('-t, --template <name>', `one of ${Object.keys(templates).join(', ')}`, usual)
    .option('-f, --force', 'replace a file that is there already')
    .addHelpText(
      'after',
      `
Templates:
${Object.entries(templates)
  .map(([name, { description }]) => `  ${name.padEnd(17)}${description}`)
  .join('\n')}

Exit codes: 0 written; 1 the file cannot be written; 2 wrong use, or the file is there already.

Example:
  onestep init study.yaml --template strategy-matrix`,
    )
    .action(async (file: string, options: InitOptions) => {
      finish(await initCommand(file, options))
    })
}
