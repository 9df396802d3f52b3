// Strategies by the names that a study file gives them, and their options.
import type * as z from 'zod'
import { linearMethods } from '../../control/linearSolve.js'
import { auto } from '../../differentiation/auto.js'
import { implicit } from '../../differentiation/implicit.js'
import { neumann } from '../../differentiation/neumann.js'
import { oneStep } from '../../differentiation/oneStep.js'
import { phantom } from '../../differentiation/phantom.js'
import type { Strategy } from '../../differentiation/strategy.js'
import { truncated } from '../../differentiation/truncated.js'
import { unrolled } from '../../differentiation/unrolled.js'
import { count, flag, number, word } from './choice.js'
import { entry, madeOf, namedSchema } from './named.js'
import type { Table } from './named.js'
import type { Named } from './specification.js'

export const strategies: Table<Strategy> = {
  implicit: entry(
    'The equation that holds at the solution is differentiated.',
    {
      linearSolver: word(['auto', ...linearMethods])
        .describe('How the linear system is solved. Default: auto')
        .exactOptional(),
      tol: number({ least: 0 })
        .describe('Relative residual at which iterative linear solvers stop. Default: 1e-10')
        .exactOptional(),
      maxSteps: number({ whole: true, least: 0 })
        .describe('Step limit of iterative linear solvers. Default: max(100, 2 n)')
        .exactOptional(),
      restart: count().describe('Steps between restarts of gmres. Default: 30').exactOptional(),
    },
    implicit,
  ),
  oneStep: entry(
    'The last step alone is differentiated.',
    {
      at: word(['last', 'previous'])
        .describe('Where the step is differentiated: at its result or at its start. Default: last')
        .exactOptional(),
      detachHessian: flag()
        .describe("Hold the solver's linearization constant, and the step full. Default: false")
        .exactOptional(),
      stepLengthCorrection: flag().describe('Divide by the last step length. Default: false').exactOptional(),
    },
    oneStep,
  ),
  truncated: entry(
    'The last steps are differentiated.',
    { steps: count().describe('How many; 1 is oneStep') },
    ({ steps }) => truncated(steps),
  ),
  unrolled: entry(
    'All steps are differentiated.',
    {
      checkpoints: word(['all', 'sqrt', 'log'])
        .describe('How much of the trajectory is kept. Default: sqrt')
        .exactOptional(),
    },
    unrolled,
  ),
  neumann: entry(
    'Terms of the Neumann series of the implicit derivative are summed.',
    { terms: count().describe('How many; 1 is oneStep') },
    ({ terms }) => neumann(terms),
  ),
  phantom: entry(
    'Damped steps from the solution are differentiated.',
    {
      steps: count().describe('How many'),
      damping: number({ above: 0, most: 1 }).describe('τ of a step τ F(x) + (1 − τ) x'),
    },
    ({ steps, damping }) => phantom(steps, damping),
  ),
  auto: entry(
    'As much work as a tolerance needs.',
    {
      tol: number({ above: 0, below: 1 })
        .describe('The error of the derivative that is allowed, relative to its norm. Default: 1e-6')
        .exactOptional(),
      maxSteps: count().describe('Step limit of CG and GMRES. Default: max(100, 2 n)').exactOptional(),
    },
    auto,
  ),
}

/** A strategy in a study file. */
export const strategySchema: z.ZodType<Named> = namedSchema(
  strategies,
  'a strategy',
  'How the solution is differentiated: a name, or { name: options }.',
)

/** The strategy that is named. @throws {ArgumentError} for an unknown name or wrong options. */
export const strategyOf = (named: Named): Strategy => madeOf(strategies, 'strategy', named)
