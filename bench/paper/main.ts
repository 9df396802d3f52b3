// The experiments of the paper: npm run paper -- newton|qp|ridge|bounds|bilevel|beyond|reference [--quick] [--data FILE] [--json] [--quiet]
//                             npm run paper -- all --out DIR [--quick] [--data FILE] [--reference] [--quiet]
// stdout holds the result alone, a table or with --json one line of JSON; everything else, progress above all, goes to stderr.
import { join } from 'node:path'
import { Command } from 'commander'
import { paperAll } from './all.js'
import { beyondExperiment, showBeyond } from './beyondReport.js'
import { bilevelExperiment, showBilevel } from './bilevelReport.js'
import { boundsExperiment, showBounds } from './boundsReport.js'
import { newtonExperiment, showNewton } from './newtonReport.js'
import { qpExperiment, showQp } from './qpReport.js'
import { referenceExperiment, showReference } from './reference.js'
import { ridgeExperiment, showRidge } from './ridgeReport.js'

interface Options {
  readonly quick?: true
  readonly json?: true
  readonly quiet?: true
  readonly data?: string
}

interface AllCommand extends Options {
  readonly out: string
  readonly reference?: true
}

const print = <R>(result: R, show: (result: R) => string, { json }: Options): void => {
  process.stdout.write(`${json === true ? JSON.stringify(result) : show(result)}\n`)
}

/** The program with its experiments. */
const paperCommand = (): Command => {
  const command = new Command('paper')
    .description('the experiments of "One-step differentiation of iterative algorithms" (NeurIPS 2023)')
    .showHelpAfterError('(--help lists experiments and options)')
  command
    .command('newton')
    .description('Newton on weighted logistic regression: accuracy, cost and convergence of the estimators')
    .option('--quick', 'the two smallest sizes, few repeats')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async (options: Options) => {
      print(
        await newtonExperiment({ quick: options.quick === true, quiet: options.quiet === true }),
        showNewton,
        options,
      )
    })
  command
    .command('qp')
    .description(
      'an interior point on random quadratic programs: accuracy, cost, and the law of the last step length',
    )
    .option('--quick', 'the two smallest sizes, few repeats')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, ...options }: Options) => {
      print(await qpExperiment({ quick: quick === true, quiet: quiet === true }), showQp, options)
    })
  command
    .command('ridge')
    .description('gradient descent on weighted ridge: errors of the Jacobian by iteration')
    .option('--quick', 'the first 512 samples only')
    .option('--data <file>', 'the file cpu.small.arff; synthetic data without it')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async (options: Options) => {
      const { quick, quiet, data } = options
      print(
        await ridgeExperiment({
          quick: quick === true,
          quiet: quiet === true,
          ...(data === undefined ? {} : { data }),
        }),
        showRidge,
        options,
      )
    })
  command
    .command('bounds')
    .description('the inequalities of the paper against measured errors, on maps with known constants')
    .option('--quick', 'fewer sizes, rates and instances')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, ...options }: Options) => {
      print(await boundsExperiment({ quick: quick === true, quiet: quiet === true }), showBounds, options)
    })
  command
    .command('bilevel')
    .description('hypergradient descent by one-step and other estimators against the proposition')
    .option('--quick', 'fewer outer steps and validation rows')
    .option('--data <file>', 'cpu.small.arff for ridge, or a LIBSVM file for logistic; else synthetic data')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, data, ...options }: Options) => {
      print(
        await bilevelExperiment({
          quick: quick === true,
          quiet: quiet === true,
          ...(data === undefined ? {} : { data }),
        }),
        showBilevel,
        options,
      )
    })
  command
    .command('beyond')
    .description('what the paper does not show: terms and CG against steps, step length, error against cost')
    .option('--quick', 'ridge with the first 512 samples only')
    .option('--data <file>', 'the file cpu.small.arff; synthetic data without it')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, data, ...options }: Options) => {
      print(
        await beyondExperiment({
          quick: quick === true,
          quiet: quiet === true,
          ...(data === undefined ? {} : { data }),
        }),
        showBeyond,
        options,
      )
    })
  command
    .command('reference')
    .description('the flaws of the published code, measured beside the right formulas')
    .option('--quick', 'ridge with the first 512 samples only')
    .option('--data <file>', 'the file cpu.small.arff; synthetic data without it')
    .option('--json', 'print JSON')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, data, ...options }: Options) => {
      print(
        await referenceExperiment({
          quick: quick === true,
          quiet: quiet === true,
          ...(data === undefined ? {} : { data }),
        }),
        showReference,
        options,
      )
    })
  command
    .command('all')
    .description('all experiments as one HTML page, with the numbers of its figures')
    .requiredOption('--out <folder>', 'where index.html, results.json and the CSV files go')
    .option('--quick', 'smaller sizes, fewer repeats')
    .option('--data <file>', 'the file cpu.small.arff; synthetic data without it')
    .option('--reference', 'the flaws of the published code, too')
    .option('--quiet', 'no progress')
    .action(async ({ quick, quiet, data, out, reference }: AllCommand) => {
      const files = await paperAll(out, {
        quick: quick === true,
        quiet: quiet === true,
        reference: reference === true,
        ...(data === undefined ? {} : { data }),
      })
      process.stdout.write(`${files.map((name) => join(out, name)).join('\n')}\n`)
    })
  return command
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

try {
  await paperCommand().parseAsync()
} catch (error) {
  process.stderr.write(`paper: ${reason(error)}\n`)
  process.exitCode = 1
}
