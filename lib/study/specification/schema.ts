// The schema of a study file: everything that can be written, what it means, and its defaults. Checked messages, the JSON Schema for
// editors and the reference come from here; what needs several parts at once is in resolve.ts.
import * as z from 'zod'
import { axisSchema, parameterName } from './axis.js'
import { choice, count, name, number, oneOrMore, record, text, word } from './choice.js'
import { descentSchema } from './descent.js'
import { dataSchema, problemSchema } from './problem.js'
import { recordNames } from './specification.js'
import type { BenchSpecification, Named } from './specification.js'
import { strategySchema } from './strategies.js'

/** Names of files on every system: no separators, no dots in front or at the end, none that Windows keeps for devices. */
const fileName =
  /^(?!(?:__proto__|constructor|prototype)$)(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))\w(?:[\w.-]{0,98}\w)?$/i

const studyName = text(
  'a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."',
  fileName,
)

const solverName = name('the name of a solver')
const solverSchema: z.ZodType<Named> = choice<Named>(
  'a solver: a name, or { name: options }',
  "A solver of the problem by name, or { name: options }; default is the problem's first one.",
  {
    string: solverName.transform((name): Named => ({ name, options: {} })),
    map: z
      .record(solverName, z.record(z.string(), z.unknown(), { error: 'expected a map of options' }))
      .meta({ minProperties: 1, maxProperties: 1 })
      .transform((given, context): Named => {
        const [first, ...rest] = Object.entries(given)
        if (first !== undefined && rest.length === 0) return { name: first[0], options: first[1] }
        context.issues.push({
          code: 'custom',
          message: 'expected one solver: a name, or { name: options }',
          input: given,
        })
        return z.NEVER
      }),
  },
)

const benchSchema: z.ZodType<BenchSpecification> = record(
  {
    sizes: oneOrMore(count(), 'a list of sizes', 'Sizes of the problem, its option `size`.'),
    threads: oneOrMore(count(), 'a list of numbers of threads', 'Threads of the pool.').prefault([1]),
    repeats: count().describe('Measured runs of each cell.').default(5),
    warmUp: number({ whole: true, least: 0 }).describe('Runs before those.').default(1),
    batch: count().describe('θ-instances a run.').default(256),
  },
  'a map with sizes',
)

const chunkSchema = choice<{ readonly rows?: number; readonly seconds?: number }>(
  '{ rows: … } or { seconds: … }',
  'How much is computed and stored at a time. Default: about 2 seconds on one machine, 30 over a queue',
  {
    maps: {
      rows: record({ rows: count().describe('Rows a chunk.') }),
      seconds: record({
        seconds: number({ above: 0 }).describe(
          'About how long a chunk should take; its rows are found by trying.',
        ),
      }),
    },
  },
)

const spaceSchema = z
  .record(parameterName, axisSchema, { error: 'expected a map of parameters to how they run' })
  .describe('θ: how each parameter runs. Grids and lists make a grid, the last parameter fastest.')

/** The keys of a study file. */
export const shape = {
  $schema: z.string({ error: 'expected the address of a schema' }).describe('For editors.').exactOptional(),
  version: z.literal(1, { error: 'expected 1' }).describe('Of this format.').exactOptional(),
  name: studyName.describe('It names files.'),
  description: z.string({ error: 'expected a text' }).describe('For people.').exactOptional(),
  kind: word(['map', 'descent', 'bench'])
    .describe(
      'map: value and gradient at each θ; descent: a bilevel descent from each θ; bench: how long it takes.',
    )
    .default('map'),
  problem: problemSchema,
  data: dataSchema.exactOptional(),
  space: spaceSchema.exactOptional(),
  samples: count().describe('Draws for each point of the grid. Default: 1').exactOptional(),
  strategies: oneOrMore(
    strategySchema,
    'a list of strategies',
    'How solutions are differentiated. Each strategy with each solver with each tolerance is a variant.',
  ).prefault(['implicit']),
  solvers: oneOrMore(solverSchema, 'a list of solvers', 'How the problem is solved.').prefault(['default']),
  tolerances: oneOrMore(
    number({ above: 0 }),
    'a list of tolerances',
    'How exactly the problem is solved: absolute.',
  ).prefault([1e-8]),
  maxSteps: count().describe("Of a solve. Default: the solver's").exactOptional(),
  record: oneOrMore(
    word(recordNames),
    'a list of what to record',
    'What a row holds beside θ and the statuses.',
  ).prefault(['value', 'gradient', 'residual', 'iterations']),
  metrics: oneOrMore(
    name('the name of a metric'),
    'a list of metrics',
    "Those of the problem's metrics that are recorded. Default: all",
    0,
  ).exactOptional(),
  repeats: count().describe('Each repeat draws anew what is drawn.').default(1),
  seed: number({ whole: true, least: 0, most: Number.MAX_SAFE_INTEGER })
    .describe('Of what is drawn.')
    .default(0),
  descent: descentSchema.describe('Of the kind descent.').exactOptional(),
  bench: benchSchema.describe('Of the kind bench.').exactOptional(),
  chunk: chunkSchema.exactOptional(),
}

/** A study file. */
export const studySchema = record(shape, 'a map with name, problem and space')

/** A study file whose parts are right by themselves. */
export type WrittenStudy = z.output<typeof studySchema>
