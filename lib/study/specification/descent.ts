// What a bilevel descent is made of, by the names that a study file gives them: optimizers, domains, and schedules of the inner tolerance.
import * as z from 'zod'
import { domain } from '../../bilevel/domain.js'
import type { Domain } from '../../bilevel/domain.js'
import { innerTolerance } from '../../bilevel/innerTolerance.js'
import type { InnerTolerance } from '../../bilevel/innerTolerance.js'
import { optimizer } from '../../bilevel/optimizer.js'
import type { Optimizer } from '../../bilevel/optimizer.js'
import { backtracking } from '../../solvers/backtracking.js'
import type { Backtracking } from '../../solvers/backtracking.js'
import { asWritten, choice, flag, number, record, word } from './choice.js'
import { entry, madeOf, namedSchema } from './named.js'
import type { Table } from './named.js'
import type { DescentSpecification, Named } from './specification.js'

const searchTable: Table<Backtracking> = {
  backtracking: entry(
    'The first step length of a falling sequence that lowers the objective enough.',
    {
      initial: number({ above: 0 }).describe('The first one that is tried. Default: 1').exactOptional(),
      shrink: number({ above: 0, below: 1 }).describe('From one to the next. Default: 0.5').exactOptional(),
      sufficient: number({ above: 0, below: 1 })
        .describe('The share of the predicted decrease that is enough. Default: 1e-4')
        .exactOptional(),
      maxShrinks: number({ whole: true, least: 0 })
        .describe('How often it is shrunk at most. Default: 40')
        .exactOptional(),
    },
    backtracking,
  ),
}

const search = namedSchema(searchTable, 'a line search', 'How step lengths are found.')
const searchOf = (named: Named): Backtracking => madeOf(searchTable, 'line search', named)

const stepSize = number({ above: 0 })
const stepSizeOrSearch = choice<number | Named>('a number > 0, or backtracking', 'α, or a line search.', {
  number: stepSize,
  string: z
    .enum(['backtracking'], { error: 'expected a number > 0, or backtracking' })
    .transform((name): Named => ({ name, options: {} })),
  maps: { backtracking: search },
})
const stepSizeOf = (written: unknown): number | Backtracking => {
  const parsed = stepSizeOrSearch.parse(written)
  return typeof parsed === 'number' ? parsed : searchOf(parsed)
}
const beta = number({ least: 0, below: 1 })
const velocity = {
  stepSize: stepSize.describe('α'),
  beta: beta.describe('The share of the last direction that is kept. Default: 0.9').exactOptional(),
}

export const optimizers: Table<Optimizer> = {
  descent: entry('Gradient descent.', { stepSize: asWritten(stepSizeOrSearch) }, ({ stepSize }) =>
    optimizer.descent({ stepSize: stepSizeOf(stepSize) }),
  ),
  momentum: entry('Gradient descent with a heavy ball.', velocity, optimizer.momentum),
  nesterov: entry("Gradient descent with Nesterov's momentum.", velocity, optimizer.nesterov),
  adam: entry(
    'Adam.',
    {
      stepSize: stepSize.describe('α: no entry of θ moves much farther in one step'),
      beta1: beta.describe('Default: 0.9').exactOptional(),
      beta2: beta.describe('Default: 0.999').exactOptional(),
      epsilon: number({ above: 0 }).describe('Default: 1e-8').exactOptional(),
    },
    optimizer.adam,
  ),
  lbfgs: entry(
    'L-BFGS.',
    {
      memory: number({ whole: true, least: 1, most: 100 })
        .describe('Pairs that are kept. Default: 5')
        .exactOptional(),
      search: asWritten(search).exactOptional(),
    },
    ({ search: rule, ...rest }) =>
      optimizer.lbfgs({ ...rest, ...(rule === undefined ? {} : { search: searchOf(search.parse(rule)) }) }),
  ),
}

const bounds = (least?: number) => ({
  low: number(least === undefined ? {} : { least })
    .describe('The least θ, of all entries. Default: none')
    .exactOptional(),
  high: number(least === undefined ? {} : { above: least })
    .describe('The largest θ, of all entries. Default: none')
    .exactOptional(),
})

export const domains: Table<Domain> = {
  box: entry('low ≤ θ ≤ high, by projection.', bounds(), domain.box),
  logarithmic: entry('θ > 0: steps are made in log θ.', bounds(0), domain.logarithmic),
}

const ends = {
  start: number({ above: 0 }).describe('Of the first step. Default: 1e-3').exactOptional(),
  floor: number({ above: 0 }).describe('None is smaller. Default: 1e-12').exactOptional(),
}

export const schedules: Table<InnerTolerance> = {
  exponential: entry(
    'start · factorᵏ',
    {
      ...ends,
      factor: number({ above: 0, below: 1 }).describe('From step to step. Default: 0.9').exactOptional(),
    },
    innerTolerance.exponential,
  ),
  quadratic: entry('start / (k + 1)²', ends, innerTolerance.quadratic),
  cubic: entry('start / (k + 1)³', ends, innerTolerance.cubic),
}

/** The optimizer that is named. @throws {ArgumentError} for an unknown name or wrong options. */
export const optimizerOf = (named: Named): Optimizer => madeOf(optimizers, 'optimizer', named)

/** The domain that is named. @throws {ArgumentError} for an unknown name or wrong options. */
export const domainOf = (named: Named): Domain => madeOf(domains, 'domain', named)

/** The inner tolerance that a study asks for: a number, or a schedule. @throws {ArgumentError} for an unknown name or wrong options. */
export const innerToleranceOf = (given: number | Named): number | InnerTolerance =>
  typeof given === 'number' ? given : madeOf(schedules, 'schedule', given)

const schedule = namedSchema(schedules, 'a schedule', 'How the tolerance falls from step to step.')

/** The part `descent` of a study file. */
export const descentSchema: z.ZodType<DescentSpecification> = record(
  {
    optimizer: namedSchema(optimizers, 'an optimizer', 'What is done with a hypergradient.'),
    domain: namedSchema(domains, 'a domain', 'Where θ may lie, and in which coordinates it moves.').prefault(
      'box',
    ),
    tol: number({ above: 0 })
      .describe('An instance has converged where the norm of its hypergradient is below this.')
      .default(1e-6),
    share: number({ above: 0, most: 1 })
      .describe('The largest error of a hypergradient, as a share of its norm.')
      .default(0.5),
    maxSteps: number({ whole: true, least: 0 }).describe('Limit of outer steps.').default(100),
    tolerance: choice<number | Named>(
      'a number > 0, or a schedule',
      'Of the inner solves: a number, or a schedule by name. Default: that of the variant.',
      {
        number: number({ above: 0 }),
        string: schedule,
        maps: Object.fromEntries(Object.keys(schedules).map((name) => [name, schedule])),
      },
    ).exactOptional(),
    warmStart: flag().describe('Whether an inner solve starts at the last solution.').default(true),
    unconverged: word(['stop', 'use'])
      .describe('What becomes of an instance whose inner solve reached its maxSteps.')
      .default('stop'),
  },
  'a map with an optimizer',
)
