#!/usr/bin/env node
// The command `onestep`. Exit codes: 0 done, 1 failed, 2 wrong use.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { packageRoot } from '../runtime/diagnosis.js'
import { checkCommand } from './checkCommand.js'
import type { CheckOptions } from './checkCommand.js'
import { doctorCommand } from './doctorCommand.js'
import { explainCommand } from './explainCommand.js'
import { qpCommand } from './qpCommand.js'
import type { QpOptions } from './qpCommand.js'

const { version } = JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as {
  readonly version: string
}

const program = new Command('onestep')
  .description('Differentiate iterative algorithms, natively and for thousands of parameters at once.')
  .version(version)
  .showHelpAfterError('(onestep --help shows the commands)')
  .exitOverride()

let exitCode = 0

program
  .command('doctor')
  .description('what is installed, BLAS, SIMD, threads, and the residual of a reference factorization')
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample:\n  onestep doctor --json')
  .action((options: { readonly json?: boolean }) => {
    exitCode = doctorCommand(options)
  })

program
  .command('explain')
  .description('graph, stages, lanes, flops and bytes of a traced problem module')
  .argument('<file>', 'a module whose default export is a problem; see docs/problem-modules.md')
  .option('--json', 'as JSON')
  .option('--lanes <count>', "lanes a tile: 1, a multiple of 8, or 'auto'", 'auto')
  .option('--batch <size>', 'predict memory for a batch of this size', '1')
  .option('--threads <count>', 'predict memory for so many threads', '1')
  .option('--graph', 'print the graph as well')
  .addHelpText('after', '\nExample:\n  onestep explain ridge.ts --batch 4096')
  .action(async (file: string, options: Readonly<Record<string, string | boolean | undefined>>) => {
    exitCode = await explainCommand(file, options)
  })

program
  .command('check')
  .description('the gradient of a problem beside differences through the whole solve, with the error of each')
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
    exitCode = await checkCommand(file, options)
  })

program
  .command('qp')
  .description('solve a convex quadratic program from a QPS file, with residuals, multipliers and gradients')
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
    exitCode = await qpCommand(file, options)
  })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? 0 : 2
  } else if (error instanceof OnestepError) {
    console.error(`onestep: ${error.message} [${error.code}]`)
    exitCode = error instanceof ArgumentError ? 2 : 1
  } else {
    throw error
  }
}
process.exitCode = exitCode
