// onestep explain: what a traced problem becomes, and what it costs.
import { ArgumentError } from '../base/errors.js'
import { printGraph } from '../ir/print.js'
import { formatExplanation, predictMemory } from '../program/explain.js'
import { compile } from '../runtime/compile.js'
import { loadProblem } from './problemFile.js'
import type { Register } from './register.js'

const count = (name: string, text: unknown): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  throw new ArgumentError(`--${name}`, { expected: 'a whole number', received: String(text) })
}

/** Prints the explanation of the problem in a file. */
const explainCommand = async (
  file: string,
  options: Readonly<Record<string, string | boolean | undefined>>,
): Promise<number> => {
  const problem = await loadProblem(file)
  const batch = count('batch', options.batch ?? '1')
  const threads = count('threads', options.threads ?? '1')
  const lanes =
    options.lanes === undefined || options.lanes === 'auto' ? 'auto' : count('lanes', options.lanes)
  const compiled = compile(problem.run as (...args: unknown[]) => unknown, { lanes })
  const example = problem.example as never[]
  const explanation = compiled.explain(...example)
  const graph = options.graph === true ? printGraph(compiled.graph(...example)) : undefined
  if (options.json === true) {
    const prediction = predictMemory(explanation, { batch, threads })
    console.log(
      JSON.stringify(
        { file, description: problem.description, batch, threads, prediction, ...explanation, graph },
        null,
        2,
      ),
    )
    return 0
  }
  if (problem.description !== undefined) console.log(`${problem.description}\n`)
  if (graph !== undefined) console.log(`${graph}\n`)
  console.log(formatExplanation(explanation, { batch, threads }))
  return 0
}

/** Adds the command. */
export const registerExplain: Register = (program, finish) => {
  program
    .command('explain')
    .description('graph, stages, lanes, flops and bytes of a traced problem module')
    .argument('<file>', 'a module whose default export is a problem; see docs/problem-modules.md')
    .option('--json', 'as JSON')
    .option('--lanes <count>', "lanes a tile: 1, a multiple of 8, or 'auto'", 'auto')
    .option('--batch <size>', 'predict memory for a batch of this size', '1')
    .option('--threads <count>', 'predict memory for so many threads', '1')
    .option('--graph', 'print the graph as well')
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 the module cannot be loaded or traced; 2 wrong use, or no problem in it.\n\nExample:\n  onestep explain ridge.ts --batch 4096',
    )
    .action(async (file: string, options: Readonly<Record<string, string | boolean | undefined>>) => {
      finish(await explainCommand(file, options))
    })
}
