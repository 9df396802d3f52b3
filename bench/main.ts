// The benches. A claim of speed is a figure here, with its bar, measured side by side with what it is compared to.
//
//   npm run bench                    lists them
//   npm run bench -- NAME [--json] [--quick]
//                                    runs one: {"machine": {…}, "figures": [{"name", "value", "bar", "ok"}]}
//   npm run paper -- NAME            the experiments of the paper, accuracy first: bench/paper
//
// One file a bench, which exports a function that returns figures; `benches` below is the table of them. Contestants take
// turns in one process (timing.ts), or measure themselves in a child process (peer.ts, peers/). Every figure names its T.
import { Argument, Command } from 'commander'
import { ArgumentError } from '../lib/index.js'
import { showFigures } from './figures.js'
import type { BenchResult, Figure } from './figures.js'
import { machine } from './machine.js'

interface Bench {
  readonly description: string
  readonly load: () => Promise<(options: { readonly quick: boolean }) => Promise<readonly Figure[]>>
  /** Whether there is less to do with --quick. */
  readonly quick?: true
}

const benches: Readonly<Record<string, Bench>> = {
  certificate: {
    description:
      'certificates on random problems of all kinds, and auto beside fixed strategies; has --quick',
    load: async () => (await import('./certificate.js')).certificate,
    quick: true,
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
    description: 'hypergradient descent from 1,024 starts as lanes, beside one after the other; has --quick',
    load: async () => (await import('./bilevel.js')).bilevel,
    quick: true,
  },
  qp: {
    description: 'a batch of quadratic programs with gradients: time beside ProxQP, errors; has --quick',
    load: async () => (await import('./qp.js')).qp,
    quick: true,
  },
}

const list = (): string =>
  Object.entries(benches)
    .map(([name, { description }]) => `  ${name.padEnd(12)} ${description}`)
    .join('\n')

interface Options {
  readonly json?: true
  readonly quick?: true
}

const run = async (name: string | undefined, { json, quick }: Options): Promise<void> => {
  const bench = name === undefined ? undefined : benches[name]
  if (quick === true && bench?.quick !== true) {
    throw new ArgumentError('--quick', {
      expected: `one of ${Object.keys(benches)
        .filter((key) => benches[key]?.quick === true)
        .join(', ')}`,
      received: name ?? 'no name',
      remedy: 'Leave it out',
    })
  }
  if (bench === undefined) {
    process.stdout.write(`npm run bench -- NAME [--json] [--quick]\n${list()}\n`)
    return
  }
  const about = machine()
  const result: BenchResult = {
    machine: about,
    figures: await (await bench.load())({ quick: quick === true }),
  }
  process.stdout.write(`${json === true ? JSON.stringify(result) : showFigures(result)}\n`)
}

const command = new Command('bench')
  .description('benches of onestep; without a name, their list')
  .addArgument(new Argument('[name]', 'the bench').choices(Object.keys(benches)))
  .option('--json', 'print JSON')
  .option('--quick', 'a smaller problem and few rounds, where a bench has them')
  .showHelpAfterError('(npm run bench lists the benches)')
  .action(run)

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
