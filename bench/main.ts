// The benches. A claim of speed is a figure here, with its bar, measured side by side with what it is compared to.
//
//   npm run bench                    lists them
//   npm run bench -- NAME [--json] [--quick] [--data FILE] [--out DIR]
//                                    runs one: {"machine": {…}, "figures": [{"name", "value", "bar", "ok"}]}
//   npm run paper -- NAME            the experiments of the paper, accuracy first: bench/paper
//
// One file a bench, which exports a function that returns figures; `benches` below is the table of them. Contestants take
// turns in one process (`timing` of the library), or measure themselves in a child process (peer.ts, peers/). Every figure names its T.
import { Argument, Command } from 'commander'
import { ArgumentError, machine } from '../lib/index.js'
import { showFigures } from './figures.js'
import type { BenchResult, Figure } from './figures.js'

interface BenchOptions {
  /** Less to do. */
  readonly quick: boolean
  /** A data set in the place of synthetic data. */
  readonly data?: string
  /** A folder for a page. */
  readonly out?: string
}

interface Bench {
  readonly description: string
  readonly load: () => Promise<(options: BenchOptions) => Promise<readonly Figure[]>>
  /** The options that mean something to it. */
  readonly options?: readonly (keyof BenchOptions)[]
}

const benches: Readonly<Record<string, Bench>> = {
  certificate: {
    description:
      'certificates on random problems of all kinds, and auto beside fixed strategies; has --quick',
    load: async () => (await import('./certificate.js')).certificate,
    options: ['quick'],
  },
  engine: {
    description: 'kernels, Newton beside NumPy, tracing and calling',
    load: async () => (await import('./engine.js')).engine,
  },
  lanes: {
    description: 'lanes that are refilled, two threads over one, JAX in lock-step, a million θ',
    load: async () => (await import('./lanes.js')).lanes,
  },
  bilevel: {
    description:
      'a penalty a feature, hyper-cleaning, memory of unrolling, the outer loop as lanes; has --quick, --data, --out',
    load: async () => (await import('./bilevel.js')).bilevel,
    options: ['quick', 'data', 'out'],
  },
  strategies: {
    description: 'error against cost of every strategy on every standard problem; has --quick, --out',
    load: async () => (await import('./strategies.js')).strategies,
    options: ['quick', 'out'],
  },
  studies: {
    description:
      'a million rows, what a study costs beside the pool alone, two workers over one; has --quick',
    load: async () => (await import('./studies.js')).studies,
    options: ['quick'],
  },
  matrix: {
    description:
      'a study of kind bench: every strategy at two sizes, each cell in processes of its own; has --quick, --out',
    load: async () => (await import('./matrix.js')).matrix,
    options: ['quick', 'out'],
  },
  qp: {
    description: 'a batch of quadratic programs with gradients: time beside ProxQP, errors; has --quick',
    load: async () => (await import('./qp.js')).qp,
    options: ['quick'],
  },
}

const list = (): string =>
  Object.entries(benches)
    .map(([name, { description }]) => `  ${name.padEnd(12)} ${description}`)
    .join('\n')

interface Options {
  readonly json?: true
  readonly quick?: true
  readonly data?: string
  readonly out?: string
}

const run = async (name: string | undefined, { json, ...given }: Options): Promise<void> => {
  const bench = name === undefined ? undefined : benches[name]
  for (const option of Object.keys(given) as (keyof BenchOptions)[]) {
    if (bench?.options?.includes(option) === true) continue
    throw new ArgumentError(`--${option}`, {
      expected: `one of ${Object.keys(benches)
        .filter((key) => benches[key]?.options?.includes(option) === true)
        .join(', ')}`,
      received: name ?? 'no name',
      remedy: 'Leave it out',
    })
  }
  if (bench === undefined) {
    process.stdout.write(`npm run bench -- NAME [--json] [--quick] [--data FILE] [--out DIR]\n${list()}\n`)
    return
  }
  const about = machine()
  const result: BenchResult = {
    machine: about,
    figures: await (await bench.load())({ ...given, quick: given.quick === true }),
  }
  process.stdout.write(`${json === true ? JSON.stringify(result) : showFigures(result)}\n`)
}

const command = new Command('bench')
  .description('benches of onestep; without a name, their list')
  .addArgument(new Argument('[name]', 'the bench').choices(Object.keys(benches)))
  .option('--json', 'print JSON')
  .option('--quick', 'a smaller problem and few rounds, where a bench has them')
  .option('--data <file>', 'a data set in the place of synthetic data, where a bench takes one')
  .option('--out <folder>', 'where the page of a bench goes that makes one')
  .showHelpAfterError('(npm run bench lists the benches)')
  .action(run)

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
