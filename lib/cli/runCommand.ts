// onestep run and resume: compute what a study lacks, on this machine or by handing chunks to workers.
import type { Command } from 'commander'
import { ArgumentError } from '../base/errors.js'
import { brokerVariable, givenBroker } from '../cluster/security.js'
import { parseShard, shardOf } from '../cluster/shard.js'
import { chunkSeconds, startStudy } from '../study/start.js'
import { openRun } from '../study/store/runDirectory.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { overridesOption } from './overridesOption.js'
import type { Register } from './register.js'
import { computeHere, computeThere, exitCodeHelp, threadsOf } from './studyRun.js'
import type { Reporter } from './studyRun.js'

interface ComputeOptions {
  readonly threads?: string
  readonly shard?: string
  readonly broker?: string
  readonly insecureBroker?: true
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
  const { shard, threads, insecureBroker: insecure = false } = options
  const reporter = reporterOf(options.reporter)
  const broker = givenBroker(options.broker)
  if (broker === undefined) {
    return computeHere(run, {
      ...{ threads: threadsOf(threads), reporter },
      ...(shard === undefined ? {} : { mine: chunksOf(shard) }),
    })
  }
  const { kind } = run.manifest.specification
  if (kind === 'bench' || shard !== undefined) {
    throw new ArgumentError('--broker', {
      expected: 'a study of kind map or descent, without --shard',
      received:
        kind === 'bench' ? 'a bench, which measures the machine that it runs on' : `--shard ${String(shard)}`,
      remedy: 'Leave one of them out',
    })
  }
  return computeThere(run, { broker, insecure, reporter })
}

const runCommand = async (file: string, options: RunOptions): Promise<number> => {
  const { set = [], dir, threads, shard, broker = process.env[brokerVariable] } = options
  reporterOf(options.reporter)
  if (shard !== undefined) parseShard(shard)
  const run = await startStudy(file, {
    overrides: set,
    threads: threadsOf(threads),
    chunk: shard !== undefined ? 'fixed' : broker === undefined ? chunkSeconds.local : chunkSeconds.queue,
    ...(dir === undefined ? {} : { dir }),
  })
  return compute(run, options)
}

/** What both commands take. */
const withComputeOptions = (command: Command): Command =>
  command
    .option('--threads <count>', 'threads; default one for each core')
    .option('--shard <i/n>', 'only part i of n, for n machines without a server')
    .option(
      '--broker <url>',
      `hand chunks to workers through Redis or PostgreSQL; default: what ${brokerVariable} holds`,
    )
    .option('--insecure-broker', 'accept a broker on another machine without password and TLS')
    .option('--reporter <kind>', 'auto (a bar or lines), json (a line of JSON a second), quiet', 'auto')

/** Adds the commands. */
export const registerRun: Register = (program, finish) => {
  withComputeOptions(program.command('run'))
    .description('compute a study; goes on where an earlier run of it ended')
    .argument('<file>', 'a study file; see docs/studies.md')
    .addOption(overridesOption())
    .option('--dir <folder>', 'the run directory; default runs/NAME')
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
  withComputeOptions(program.command('resume'))
    .description('compute what a run directory lacks; needs neither the study file nor its problem')
    .argument('<dir>', 'a run directory')
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
