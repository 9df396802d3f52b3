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

/** What every experiment is told. */
interface Settings {
  readonly quick: boolean
  readonly quiet: boolean
  readonly data?: string
}

interface Experiment<R> {
  readonly name: string
  readonly description: string
  /** What --quick leaves out. */
  readonly quick: string
  /** What --data names; without it the experiment has no data of its own. */
  readonly data?: string
  readonly run: (settings: Settings) => Promise<R>
  readonly show: (result: R) => string
}

type Ready = Omit<Experiment<unknown>, 'run' | 'show'> & {
  readonly print: (settings: Settings, json: boolean) => Promise<string>
}

const experiment = <R>({ run, show, ...about }: Experiment<R>): Ready => ({
  ...about,
  print: async (settings, json) => {
    const result = await run(settings)
    return json ? JSON.stringify(result) : show(result)
  },
})

const smallData = 'the file cpu.small.arff; synthetic data without it'
const fewSamples = 'ridge with the first 512 samples only'

const experiments: readonly Ready[] = [
  experiment({
    name: 'newton',
    description: 'Newton on weighted logistic regression: accuracy, cost and convergence of the estimators',
    quick: 'the two smallest sizes, few repeats',
    run: newtonExperiment,
    show: showNewton,
  }),
  experiment({
    name: 'qp',
    description:
      'an interior point on random quadratic programs: accuracy, cost, and the law of the last step length',
    quick: 'the two smallest sizes, few repeats',
    run: qpExperiment,
    show: showQp,
  }),
  experiment({
    name: 'ridge',
    description: 'gradient descent on weighted ridge: errors of the Jacobian by iteration',
    quick: 'the first 512 samples only',
    data: smallData,
    run: ridgeExperiment,
    show: showRidge,
  }),
  experiment({
    name: 'bounds',
    description: 'the inequalities of the paper against measured errors, on maps with known constants',
    quick: 'fewer sizes, rates and instances',
    run: boundsExperiment,
    show: showBounds,
  }),
  experiment({
    name: 'bilevel',
    description: 'hypergradient descent by one-step and other estimators against the proposition',
    quick: 'fewer outer steps and validation rows',
    data: 'cpu.small.arff for ridge, or a LIBSVM file for logistic; else synthetic data',
    run: bilevelExperiment,
    show: showBilevel,
  }),
  experiment({
    name: 'beyond',
    description: 'what the paper does not show: terms and CG against steps, step length, error against cost',
    quick: fewSamples,
    data: smallData,
    run: beyondExperiment,
    show: showBeyond,
  }),
  experiment({
    name: 'reference',
    description: 'the flaws of the published code, measured beside the right formulas',
    quick: fewSamples,
    data: smallData,
    run: referenceExperiment,
    show: showReference,
  }),
]

interface Flags {
  readonly quick?: true
  readonly quiet?: true
  readonly data?: string
}

const settingsOf = ({ quick, quiet, data }: Flags): Settings => ({
  quick: quick === true,
  quiet: quiet === true,
  ...(data === undefined ? {} : { data }),
})

/** The program with its experiments. */
const paperCommand = (): Command => {
  const paper = new Command('paper')
    .description('the experiments of "One-step differentiation of iterative algorithms" (NeurIPS 2023)')
    .showHelpAfterError('(--help lists experiments and options)')
  for (const { name, description, quick, data, print } of experiments) {
    const command = paper
      .command(name)
      .description(description)
      .option('--quick', quick)
      .option('--json', 'print JSON')
      .option('--quiet', 'no progress')
      .action(async ({ json, ...flags }: Flags & { readonly json?: true }) => {
        process.stdout.write(`${await print(settingsOf(flags), json === true)}\n`)
      })
    if (data !== undefined) command.option('--data <file>', data)
  }
  paper
    .command('all')
    .description('all experiments as one HTML page, with the numbers of its figures')
    .requiredOption('--out <folder>', 'where index.html, results.json and the CSV files go')
    .option('--quick', 'smaller sizes, fewer repeats')
    .option('--data <file>', smallData)
    .option('--reference', 'the flaws of the published code, too')
    .option('--quiet', 'no progress')
    .action(
      async ({ out, reference, ...flags }: Flags & { readonly out: string; readonly reference?: true }) => {
        const files = await paperAll(out, { ...settingsOf(flags), reference: reference === true })
        process.stdout.write(`${files.map((name) => join(out, name)).join('\n')}\n`)
      },
    )
  return paper
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

try {
  await paperCommand().parseAsync()
} catch (error) {
  process.stderr.write(`paper: ${reason(error)}\n`)
  process.exitCode = 1
}
