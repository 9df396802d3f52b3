#!/usr/bin/env node
// The command `onestep`. Exit codes: 0 done, 1 failed, 2 wrong use.
import { Command, CommanderError } from 'commander'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { packageVersion } from '../runtime/diagnosis.js'
import { registerCheck } from './checkCommand.js'
import { registerDoctor } from './doctorCommand.js'
import { registerExplain } from './explainCommand.js'
import { registerQp } from './qpCommand.js'

const program = new Command('onestep')
  .description('Differentiate iterative algorithms, natively and for thousands of parameters at once.')
  .version(packageVersion())
  .showHelpAfterError('(onestep --help shows the commands)')
  .exitOverride()

let exitCode = 0

for (const register of [registerDoctor, registerExplain, registerCheck, registerQp]) {
  register(program, (code) => {
    exitCode = code
  })
}

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
