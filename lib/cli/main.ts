#!/usr/bin/env node
// The command `onestep`. Exit codes: 0 done, 1 failed, 2 wrong use.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { packageRoot } from '../runtime/diagnosis.js'
import { doctorCommand } from './doctorCommand.js'
import { explainCommand } from './explainCommand.js'

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
