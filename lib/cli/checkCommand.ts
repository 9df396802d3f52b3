// onestep check: the derivative of a problem beside differences through the whole solve.
import { ArgumentError } from '../base/errors.js'
import { isArrayInput } from '../base/ndarray.js'
import type { ArrayInput } from '../base/ndarray.js'
import { flatten, unflatten } from '../base/tree.js'
import { tensor } from '../ir/trace.js'
import { checkGradient } from '../study/gradientCheck/checkGradient.js'
import { formatGradientCheck } from '../study/gradientCheck/format.js'
import { plainJson } from './plainJson.js'
import { loadProblem } from './problemFile.js'
import type { Register } from './register.js'

export interface CheckOptions {
  readonly json?: boolean
  readonly coordinates?: boolean
  readonly directions?: string
  readonly seed: string
  readonly tol: string
}

const number = (name: string, text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new ArgumentError(`--${name}`, { expected: 'a number', received: text })
}

/** The numbers of arguments that are held fixed, as Tensors of the function that is being traced. */
const traced = (args: readonly unknown[]): unknown => {
  const { leaves, spec } = flatten(args, isArrayInput, 'example')
  return unflatten(spec, leaves.map(tensor))
}

/** Prints the check of the problem in a file; the exit code is 0 where the derivative agrees with its differences, else 1. */
const checkCommand = async (file: string, options: CheckOptions): Promise<number> => {
  const { json: asJson = false, coordinates = false, directions, seed, tol } = options
  const problem = await loadProblem(file)
  const run = problem.run as (...args: readonly unknown[]) => unknown
  const [theta, ...rest] = problem.example
  if (theta === undefined) {
    throw new ArgumentError(`${file}: example is empty`, {
      expected: 'θ, the argument whose gradient is checked, as first entry',
      remedy: 'Give numbers for every argument of run',
    })
  }
  const check = checkGradient(
    (first: unknown) => run(first, ...(traced(rest) as readonly unknown[])),
    // Any tree: checked when it is read.
    theta as ArrayInput,
    {
      ...(directions === undefined ? {} : { directions: number('directions', directions) }),
      ...(coordinates ? { coordinates: 'all' } : {}),
      seed: number('seed', seed),
      tol: number('tol', tol),
    },
  )
  const { description } = problem
  if (asJson) console.log(plainJson({ file, description, ...check }))
  else console.log(`${description === undefined ? '' : `${description}\n`}${formatGradientCheck(check)}`)
  return check.verdict === 'agrees' ? 0 : 1
}

/** Adds the command. */
export const registerCheck: Register = (program, finish) => {
  program
    .command('check')
    .description(
      'the gradient of a problem beside differences through the whole solve, with the error of each',
    )
    .argument('<file>', 'a module whose default export is a problem; see docs/checking-gradients.md')
    .option('--json', 'as JSON')
    .option('--directions <count>', 'random directions; default 4, none with --coordinates')
    .option('--coordinates', 'every entry of the first argument by itself')
    .option('--seed <number>', 'of the random directions', '0')
    .option('--tol <tolerance>', 'relative difference that passes as agreement', '1e-5')
    .addHelpText(
      'after',
      `
Exit codes: 0 agrees; 1 disagrees or inconclusive, or the file is missing or fails; 2 wrong use, run is not scalar.

Example:
  onestep check ridge.ts --directions 8 --tol 1e-6`,
    )
    .action(async (file: string, options: CheckOptions) => {
      finish(await checkCommand(file, options))
    })
}
