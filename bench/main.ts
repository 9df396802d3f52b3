// The benches. A claim of speed is a figure here, with its bar, measured side by side with what it is compared to.
//
//   npm run bench                    lists them
//   npm run bench -- NAME [--json]   runs one: {"machine": {…}, "figures": [{"name", "value", "bar", "ok"}]}
//   npm run paper -- NAME            the experiments of the paper, accuracy first: bench/paper
//
// One file a bench, which exports a function that returns figures; `benches` below is the table of them. Contestants take
// turns in one process (timing.ts), or measure themselves in a child process (peer.ts, peers/). Every figure names its T.
import { Argument, Command } from 'commander'
import { showFigures } from './figures.js'
import type { BenchResult, Figure } from './figures.js'
import { machine } from './machine.js'

interface Bench {
  readonly description: string
  readonly load: () => Promise<() => Promise<readonly Figure[]>>
}

const benches: Readonly<Record<string, Bench>> = {
  engine: {
    description: 'kernels, Newton beside NumPy, tracing and calling',
    load: async () => (await import('./engine.js')).engine,
  },
  lanes: {
    description: 'lanes that are refilled, two threads over one, JAX in lock-step, a million θ',
    load: async () => (await import('./lanes.js')).lanes,
  },
}

const list = (): string =>
  Object.entries(benches)
    .map(([name, { description }]) => `  ${name.padEnd(12)} ${description}`)
    .join('\n')

const run = async (name: string | undefined, { json }: { readonly json?: true }): Promise<void> => {
  const bench = name === undefined ? undefined : benches[name]
  if (bench === undefined) {
    process.stdout.write(`npm run bench -- NAME [--json]\n${list()}\n`)
    return
  }
  const about = machine()
  const result: BenchResult = { machine: about, figures: await (await bench.load())() }
  process.stdout.write(`${json === true ? JSON.stringify(result) : showFigures(result)}\n`)
}

const command = new Command('bench')
  .description('benches of onestep; without a name, their list')
  .addArgument(new Argument('[name]', 'the bench').choices(Object.keys(benches)))
  .option('--json', 'print JSON')
  .showHelpAfterError('(npm run bench lists the benches)')
  .action(run)

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
