#!/usr/bin/env node
// The command `onestep`. Exit codes: 0 done, 1 failed, 2 wrong use; studyRun.ts has those of studies.
import { Command, CommanderError } from 'commander'
import { ArgumentError, OnestepError } from '../base/errors.js'
import { packageVersion } from '../runtime/diagnosis.js'
import { StudyError } from '../study/specification/fault.js'
import { registerBest } from './bestCommand.js'
import { registerCheck } from './checkCommand.js'
import { registerCompare } from './compareCommand.js'
import { registerDoctor } from './doctorCommand.js'
import { registerEnv } from './envCommand.js'
import { registerExplain } from './explainCommand.js'
import { registerExport } from './exportCommand.js'
import { registerInit } from './initCommand.js'
import { registerPlan } from './planCommand.js'
import { registerQp } from './qpCommand.js'
import { registerReport } from './reportCommand.js'
import { registerResults } from './resultsCommand.js'
import { registerRun } from './runCommand.js'
import { registerStatus } from './statusCommand.js'
import { registerValidate } from './validateCommand.js'
import { registerWatch } from './watchCommand.js'
import { registerWorker } from './workerCommand.js'

const program = new Command('onestep')
  .description('Differentiate iterative algorithms, natively and for thousands of parameters at once.')
  .version(packageVersion())
  .showHelpAfterError('(onestep --help shows the commands)')
  .addHelpText(
    'after',
    `
A study, from its file to its report; each command says what comes next, and has a --help:
  onestep init study.yaml
  onestep validate study.yaml
  onestep run study.yaml
  onestep report runs/lambda-sweep`,
  )
  .exitOverride()

let exitCode = 0

/** In the order of the help. */
const commands = [
  ...[registerInit, registerValidate, registerPlan, registerRun, registerStatus, registerWorker],
  ...[registerWatch, registerResults, registerBest, registerExport, registerReport, registerCompare],
  ...[registerEnv, registerDoctor, registerExplain, registerCheck, registerQp],
]
for (const register of commands) {
  register(program, (code) => {
    exitCode = code
  })
}

// Whoever read the output has read enough (`onestep results … | head`); 141 is what a shell says of a process that ends so.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(141)
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? 0 : 2
  } else if (error instanceof OnestepError) {
    console.error(`onestep: ${error.message} [${error.code}]`)
    exitCode = error instanceof ArgumentError || error instanceof StudyError ? 2 : 1
  } else {
    throw error
  }
}
process.exitCode = exitCode
