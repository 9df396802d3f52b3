// onestep run and resume: compute what a study lacks, on this machine or by handing chunks to workers.
import { ArgumentError } from '../base/errors.js'
import { parseShard, shardOf } from '../cluster/shard.js'
import { chunkSeconds, startStudy } from '../study/start.js'
import { openRun } from '../study/store/runDirectory.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import type { Register } from './register.js'
import { computeHere, exitCodeHelp, threadsOf } from './studyRun.js'
import type { Reporter } from './studyRun.js'

interface ComputeOptions {
  readonly threads?: string
  readonly shard?: string
  readonly reporter: string
}

interface RunOptions extends ComputeOptions {
  readonly set?: readonly string[]
  readonly dir?: string
}

const reporters = ['auto', 'json', 'quiet']

const reporterOf = (name: string): Reporter => {
  if (reporters.includes(name)) return name as Reporter
  throw new ArgumentError('--reporter', { expected: reporters.join(', '), received: name })
}

/** The chunks of a shard "i/n". */
const chunksOf = (text: string): ((chunk: number) => boolean) => {
  const { index, count } = parseShard(text)
  return (chunk) => shardOf(chunk, index, count)
}

const compute = async (run: RunDirectory, options: ComputeOptions): Promise<number> => {
  const { shard, threads } = options
  return computeHere(run, {
    threads: threadsOf(threads),
    reporter: reporterOf(options.reporter),
    ...(shard === undefined ? {} : { mine: chunksOf(shard) }),
  })
}

const runCommand = async (file: string, options: RunOptions): Promise<number> => {
  const { set = [], dir, threads, shard } = options
  reporterOf(options.reporter)
  const run = await startStudy(file, {
    overrides: set,
    threads: threadsOf(threads),
    chunk: shard === undefined ? chunkSeconds.local : 'fixed',
    ...(dir === undefined ? {} : { dir }),
  })
  return compute(run, options)
}

/** Adds the commands. */
export const registerRun: Register = (program, finish) => {
  program
    .command('run')
    .description('compute a study; goes on where an earlier run of it ended')
    .argument('<file>', 'a study file; see docs/studies.md')
    .option('-s, --set <key=value...>', 'change a value of the file')
    .option('--dir <folder>', 'the run directory; default runs/NAME')
    .option('--threads <count>', 'threads; default one for each core')
    .option('--shard <i/n>', 'only part i of n, for n machines without a server')
    .option('--reporter <kind>', 'auto (a bar or lines), json (a line of JSON a second), quiet', 'auto')
    .addHelpText(
      'after',
      `
${exitCodeHelp}
Ctrl-C ends it after the chunks under way; nothing that is done is lost, whatever ends it.

Example:
  onestep run study.yaml -s seed=3 --dir runs/third`,
    )
    .action(async (file: string, options: RunOptions) => {
      finish(await runCommand(file, options))
    })
  program
    .command('resume')
    .description('compute what a run directory lacks; needs neither the study file nor its problem')
    .argument('<dir>', 'a run directory')
    .option('--threads <count>', 'threads; default one for each core')
    .option('--shard <i/n>', 'only part i of n, for n machines without a server')
    .option('--reporter <kind>', 'auto (a bar or lines), json (a line of JSON a second), quiet', 'auto')
    .addHelpText(
      'after',
      `
${exitCodeHelp}

Example:
  onestep resume runs/lambda-sweep`,
    )
    .action(async (dir: string, options: ComputeOptions) => {
      finish(await compute(await openRun(dir), options))
    })
}
