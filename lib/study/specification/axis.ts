// How one parameter of θ is written in a study file: { log: [1e-4, 1e2], count: 100 }, { values: [0.1, 0.5] }, { normal: … }, a number …
import * as z from 'zod'
import { choice, count, list, name, number, range, record, word } from './choice.js'
import type { Axis, Condition } from './specification.js'

export const parameterName = name('the name of a parameter')

const values = list(number(), 'a list of finite numbers')

const condition: z.ZodType<Condition> = z
  .record(
    parameterName,
    choice<readonly number[]>('a number, or a list of numbers', 'Values of the other parameter.', {
      number: number().transform((value) => [value]),
      list: values,
    }),
    { error: 'expected a map of one parameter to its values' },
  )
  .meta({ minProperties: 1, maxProperties: 1 })
  .transform((given, context): Condition => {
    const [first, ...rest] = Object.entries(given)
    if (first !== undefined && rest.length === 0) return { axis: first[0], values: first[1] }
    context.issues.push({ code: 'custom', message: 'expected exactly one parameter', input: given })
    return z.NEVER
  })
  .describe('This parameter counts only where another one has one of these values.')

const common = {
  when: condition.exactOptional(),
  otherwise: number().describe('The value where `when` does not hold.').exactOptional(),
}
const shape = z
  .array(count(), { error: 'expected a list of sizes' })
  .describe('Of the parameter, whose entries are drawn one by one. Default: a number')
  .default([])

const points = {
  count: count().describe('How many points, both ends among them.'),
  ...common,
}

/** One parameter of θ. */
export const axisSchema: z.ZodType<Axis> = choice<Axis>(
  'a number, a list of numbers, or a map with linear, log, values, uniform, logUniform, normal or sobol',
  'How a parameter runs. linear, log and values make a grid; uniform, logUniform, normal and sobol are drawn.',
  {
    number: number().transform((value): Axis => ({ kind: 'list', shape: [], values: [value] })),
    list: values.transform((given): Axis => ({ kind: 'list', shape: [], values: given })),
    maps: {
      linear: record({
        linear: range().describe('The ends of the grid, low < high.'),
        ...points,
      }).transform(({ linear, ...rest }): Axis => ({ kind: 'linear', shape: [], ...linear, ...rest })),
      log: record({
        log: range(0).describe('The ends of the grid, 0 < low < high: a factor from point to point.'),
        ...points,
      }).transform(({ log, ...rest }): Axis => ({ kind: 'log', shape: [], ...log, ...rest })),
      values: record({ values: values.describe('The points of the grid.'), ...common }).transform(
        ({ values: given, ...rest }): Axis => ({ kind: 'list', shape: [], values: given, ...rest }),
      ),
      uniform: record({
        uniform: range().describe('Drawn from low ≤ θ < high.'),
        shape,
        ...common,
      }).transform(({ uniform, ...rest }): Axis => ({ kind: 'uniform', ...uniform, ...rest })),
      logUniform: record({
        logUniform: range(0).describe('The logarithm is drawn from that of low to that of high.'),
        shape,
        ...common,
      }).transform(({ logUniform, ...rest }): Axis => ({ kind: 'logUniform', ...logUniform, ...rest })),
      normal: record({
        normal: record(
          {
            mean: number().default(0),
            deviation: number({ above: 0 }).default(1),
          },
          'a map with mean and deviation',
        ).describe('A normal distribution.'),
        shape,
        ...common,
      }).transform(({ normal, ...rest }): Axis => ({ kind: 'normal', ...normal, ...rest })),
      sobol: record({
        sobol: range().describe(
          'Spread evenly over low ≤ θ ≤ high, together with the other such parameters.',
        ),
        scale: word(['linear', 'log']).describe('Along what it is even.').default('linear'),
        shape,
        ...common,
      })
        .check(({ value, issues }) => {
          if (value.scale !== 'log' || value.sobol.low > 0) return
          issues.push({
            code: 'custom',
            message: 'expected 0 < low < high, as the scale is log',
            path: ['sobol'],
            input: [value.sobol.low, value.sobol.high],
          })
        })
        .transform(({ sobol, ...rest }): Axis => ({ kind: 'sobol', ...sobol, ...rest })),
    },
  },
)
