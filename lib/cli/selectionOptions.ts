// Which rows and columns of a study a command line asks for: --columns, --variant, --status.
import type { Command } from 'commander'
import { ArgumentError } from '../base/errors.js'
import type { Selection } from '../study/export/selection.js'

export interface SelectionOptions {
  readonly columns?: string
  readonly variant?: string
  readonly status?: string
}

/** Adds the options to a command. */
export const selectionOptions = (command: Command): Command =>
  command
    .option('--columns <names>', 'only these, with commas between them, in this order')
    .option('--variant <names>', 'only these, with semicolons between them: "implicit, newton, 1e-10"')
    .option('--status <names>', 'only rows with one of these: maxSteps,crashed')

const names = (option: string, text: string, separator: string): readonly string[] => {
  const list = text.split(separator).map((name) => name.trim())
  if (list.every((name) => name !== '')) return list
  throw new ArgumentError(`--${option}`, {
    expected: `names with "${separator}" between them`,
    received: JSON.stringify(text),
  })
}

/** What the options mean. @throws {ArgumentError} for an empty name */
export const selectionOf = ({ columns, variant, status }: SelectionOptions): Selection => ({
  ...(columns !== undefined && { columns: names('columns', columns, ',') }),
  ...(variant !== undefined && { variants: names('variant', variant, ';') }),
  ...(status !== undefined && { statuses: names('status', status, ',') }),
})
