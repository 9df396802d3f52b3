// The standard problems that a study file can name, and how one is made from its data and options.
import { ArgumentError, checkOptions, closest } from '../../base/errors.js'
import type { DataSpecification, ProblemSpecification } from '../specification/specification.js'
import { dataOptions } from './data.js'
import { fewShot } from './fewShotProblem.js'
import { layer } from './layerProblem.js'
import { cleaning, logistic, ridge } from './linearProblems.js'
import { logSumExp } from './logSumExpProblem.js'
import { count, pick } from './options.js'
import type { Options } from './options.js'
import { elasticNet, lasso } from './sparseProblems.js'
import type { MadeProblem, StandardProblem } from './standardProblem.js'

/** By the name that a study file gives. */
export const standardProblems: Readonly<Record<string, StandardProblem>> = {
  ridge,
  logistic,
  lasso,
  elasticNet,
  dataCleaning: cleaning,
  equilibriumLayer: layer,
  fewShotRidge: fewShot,
  logSumExp,
}

type StandardSpecification = ProblemSpecification & { readonly kind: 'standard' }

const entryOf = (name: string): StandardProblem => {
  const known = Object.keys(standardProblems)
  const entry = Object.hasOwn(standardProblems, name) ? standardProblems[name] : undefined
  if (entry !== undefined) return entry
  const guess = closest(name, known)
  throw new ArgumentError(`there is no standard problem "${name}"`, {
    expected: known.join(', '),
    remedy: guess === undefined ? 'Name one of them, or a module' : `Did you mean "${guess}"?`,
  })
}

/** What the study file says of the data, or the default, with `size` features. */
const dataOf = (
  { name, data }: StandardSpecification,
  { data: kinds, samples, features, size: sized }: StandardProblem,
  size: number | undefined,
): DataSpecification => {
  const given = data ?? { kind: 'synthetic', samples, features, seed: 0 }
  if (data !== undefined && !kinds.includes(data.kind)) {
    throw new ArgumentError(`problem ${name}: it takes no data of the kind "${data.kind}"`, {
      expected: kinds.length === 0 ? 'no data' : kinds.join(', '),
      remedy: kinds.length === 0 ? 'Leave the data out' : 'Take one of these kinds, or a problem module',
    })
  }
  if (size === undefined || sized !== 'features') return given
  if (given.kind !== 'synthetic') {
    throw new ArgumentError(`problem ${name}: option "size" scales synthetic data alone`, {
      received: given.kind,
      remedy: 'Leave it out, or take data of the kind synthetic',
    })
  }
  return {
    ...given,
    features: size,
    samples: Math.max(2, Math.round((given.samples * size) / given.features)),
  }
}

/**
 * Makes a standard problem.
 * @param folder what paths of data are relative to.
 * @throws {ArgumentError} for unknown names and wrong options; {DataError} for data that are missing, malformed or unfit.
 */
export const makeStandardProblem = async (
  specification: StandardSpecification,
  folder: string,
): Promise<MadeProblem> => {
  const { name, options } = specification
  const entry = entryOf(name)
  const what = `problem ${name}`
  const kind = specification.data?.kind ?? entry.data[0]
  const [own, about] = [Object.keys(entry.options), kind === undefined ? [] : Object.keys(dataOptions[kind])]
  checkOptions(what, options, [...own, ...about, 'size'])
  const size = options.size === undefined ? undefined : count(what, options, 'size', 1)
  const data = dataOf(specification, entry, size)
  const sized: Options = size === undefined || entry.size === 'features' ? {} : { [entry.size]: size }
  if (Object.keys(sized).some((option) => option in options)) {
    throw new ArgumentError(`${what}: options "size" and "${entry.size}" mean the same`, {
      remedy: 'Give one of them',
    })
  }
  return entry.make(
    { ...pick(options, own), ...sized },
    { specification: data, options: pick(options, about), folder },
  )
}
