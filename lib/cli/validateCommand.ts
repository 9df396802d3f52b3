// onestep validate: what a study comes to, or everything that is wrong with its file.
import { ArgumentError, OnestepError } from '../base/errors.js'
import { loadStudyProblem } from '../study/problem/load.js'
import { describeSpace, thetaCount } from '../study/space/space.js'
import { StudyError } from '../study/specification/fault.js'
import { fitFlaws } from '../study/specification/fit.js'
import { studyIdentity } from '../study/specification/identity.js'
import { studyJsonSchema } from '../study/specification/jsonSchema.js'
import { readStudy } from '../study/specification/read.js'
import type { ReadStudy } from '../study/specification/read.js'
import type { StudySpecification } from '../study/specification/specification.js'
import { textTable } from '../study/table.js'
import { overridesOption } from './overridesOption.js'
import type { Register } from './register.js'

export interface ValidateOptions {
  readonly set?: readonly string[]
  readonly json?: true
  readonly schema?: true
  /** False with --no-load. */
  readonly load?: boolean
}

interface Counts {
  readonly thetas: number
  readonly variants: number
  readonly rows: number
}

const countsOf = ({ space, strategies, solvers, tolerances, repeats, bench }: StudySpecification): Counts => {
  const thetas = thetaCount(space)
  const cells = bench === undefined ? 1 : bench.sizes.length * bench.threads.length
  const variants = strategies.length * solvers.length * tolerances.length * cells
  return { thetas, variants, rows: variants * repeats * (bench?.repeats ?? thetas) }
}

const counted = (count: number, one: string, several = `${one}s`): string =>
  `${String(count)} ${count === 1 ? one : several}`

const problemText = ({ problem }: StudySpecification): string => {
  if (problem.kind === 'module') return `the problem of ${problem.path}`
  const { name, data } = problem
  if (data === undefined) return `the standard problem ${name}`
  const { kind, ...rest } = data
  const facts = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`)
  return `the standard problem ${name}, data ${kind}: ${facts.join(', ')}`
}

/** What the study comes to, for people. */
const summary = (file: string, specification: StudySpecification): string => {
  const { name, description, kind, space, strategies, solvers, tolerances, repeats, record, bench } =
    specification
  const { thetas, variants, rows } = countsOf(specification)
  const axes = describeSpace(space)
  const parts = [
    counted(strategies.length, 'strategy', 'strategies'),
    counted(solvers.length, 'solver'),
    counted(tolerances.length, 'tolerance'),
    ...(bench === undefined
      ? []
      : [
          counted(bench.sizes.length, 'size'),
          counted(bench.threads.length, 'number of threads', 'numbers of threads'),
        ]),
  ]
  const facts: readonly (readonly [string, string])[] = [
    ['study', `${name}${description === undefined ? '' : `: ${description}`}`],
    ['kind', kind],
    ['problem', problemText(specification)],
    [
      'θ',
      `${String(thetas)}${space.samples > 1 ? `, ${counted(space.samples, 'draw')} for each point of the grid` : ''}`,
    ],
    ['variants', `${String(variants)}: ${parts.join(' × ')}`],
    [
      'rows',
      bench === undefined
        ? `${String(rows)}: ${counted(variants, 'variant')} × ${counted(repeats, 'repeat')} × ${String(thetas)} θ`
        : `${String(rows)}: ${counted(variants, 'variant')} × ${counted(repeats, 'process', 'processes')} × ${counted(bench.repeats, 'run')} of ${String(bench.batch)} θ`,
    ],
    ['recorded', record.join(', ')],
  ]
  const table =
    axes.length === 0
      ? []
      : [
          '',
          textTable({
            columns: ['parameter', 'kind', 'range', 'points', 'shape', 'condition'],
            rows: axes.map(({ axis, kind: how, range, count, shape, condition }) => [
              axis,
              how,
              range,
              count,
              shape,
              condition,
            ]),
          }),
        ]
  return [
    ...facts.map(([key, value]) => `${key.padEnd(10)}${value}`),
    ...table,
    '',
    `${file} is right. Next: onestep plan ${file}`,
  ].join('\n')
}

/** Loads the problem, and refuses what it does not have. */
const checkFit = async (study: ReadStudy): Promise<void> => {
  const { specification, folder, refusal } = study
  const path = ['problem']
  try {
    const loaded = await loadStudyProblem(specification.problem, { folder })
    const flaws = fitFlaws(specification, loaded)
    if (flaws.length > 0) throw refusal(flaws)
  } catch (error) {
    if (error instanceof StudyError || !(error instanceof OnestepError)) throw error
    throw refusal([{ path, message: error.message }])
  }
}

/** Says what a study comes to. @returns the exit code: 0 the file is right, 2 it is not. */
export const validateCommand = async (
  file: string | undefined,
  options: ValidateOptions,
): Promise<number> => {
  const { set = [], json, schema, load = true } = options
  if (schema === true) {
    console.log(JSON.stringify(studyJsonSchema(), null, 2))
    return 0
  }
  if (file === undefined) {
    throw new ArgumentError('validate: which file?', {
      remedy: 'onestep validate study.yaml; onestep init writes one',
    })
  }
  try {
    const study = await readStudy(file, { overrides: set })
    if (load) await checkFit(study)
    const { specification } = study
    const found = { ...countsOf(specification), identity: studyIdentity(specification), specification }
    console.log(
      json === true ? JSON.stringify({ file, valid: true, ...found }, null, 2) : summary(file, specification),
    )
    return 0
  } catch (error) {
    if (!(error instanceof StudyError)) throw error
    if (json === true) console.log(JSON.stringify({ file, valid: false, faults: error.faults }, null, 2))
    else {
      const count = error.faults.length
      console.error(
        `${error.message}\n\n${counted(count, 'fault')}. ${count === 1 ? 'It is' : 'They are'} in the lines named above; onestep validate --schema has all that can be written.`,
      )
    }
    return 2
  }
}

/** Adds the command. */
export const registerValidate: Register = (program, finish) => {
  program
    .command('validate')
    .description('say what a study comes to, or everything that is wrong with its file')
    .argument('[file]', 'a study: .yaml, .json, or a module that exports one')
    .addOption(overridesOption())
    .option('--json', 'for machines: counts and the whole specification, or the faults')
    .option('--schema', 'print the JSON Schema of study files, for editors')
    .option('--no-load', 'do not load the problem: the file alone is looked at')
    .addHelpText(
      'after',
      `
A problem module is loaded, which runs it. A value of -s is YAML; null takes the key away.

Exit codes: 0 the file is right; 2 it is not, or wrong use.

Examples:
  onestep validate study.yaml
  onestep validate study.yaml -s space.lambda.count=1000 -s "tolerances=[1e-6, 1e-10]"
  onestep validate --schema > study.schema.json`,
    )
    .action(async (file: string | undefined, options: ValidateOptions) => {
      finish(await validateCommand(file, options))
    })
}
