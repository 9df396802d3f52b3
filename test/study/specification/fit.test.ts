// A study asks for what its problem has: parameters, shapes, solvers, metrics.
import t from 'tap'
import { newton } from '../../../lib/index.js'
import type { Tensor } from '../../../lib/index.js'
import { loadStudyProblem } from '../../../lib/study/problem/load.js'
import type { StudyProblem } from '../../../lib/study/problem/studyProblem.js'
import { fitFlaws } from '../../../lib/study/specification/fit.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import { templates } from '../../../lib/study/specification/templates.js'

const made: StudyProblem = {
  theta: { lambda: 1, weights: [1, 1, 1] },
  solvers: {
    newton: ({ tol }) => newton<Tensor, Tensor>({ objective: (x) => x.square(), tol }) as never,
  },
  x0: 1,
  outer: (x: Tensor) => x,
  metrics: { accuracy: (x: Tensor) => x },
}

const said = (text: string): string[] => {
  const { specification, refusal } = parseStudy(`name: a\nproblem: ./a.ts\n${text}`)
  const flaws = fitFlaws(specification, { kind: 'study', problem: made })
  return flaws.length === 0 ? [] : refusal(flaws).message.split('\n')
}

const whole = 'space: { lambda: 1, weights: { normal: {}, shape: [3] } }'

const misfits: readonly (readonly [text: string, faults: readonly string[]])[] = [
  [whole, []],
  [`${whole}\nsolvers: [default, newton]\nmetrics: accuracy`, []],
  [
    'space: { lamda: 1, weights: { normal: {}, shape: [3] } }',
    [
      'study.yaml:3:1: space.lambda: missing; the problem has this parameter: lambda: [1]',
      'study.yaml:3:10: space.lamda: the problem has no parameter "lamda"; did you mean "lambda"?',
    ],
  ],
  [
    'space: { lambda: 1 }',
    [
      'study.yaml:3:1: space.weights: missing; the problem has this parameter: weights: { normal: {}, shape: [3] }',
    ],
  ],
  [
    'space: { lambda: { uniform: [0, 1], shape: [2] }, weights: 3 }',
    [
      'study.yaml:3:18: space.lambda: expected the shape []; received [2]; leave `shape` out',
      'study.yaml:3:60: space.weights: expected the shape [3]; received []; draw it, with shape: [3]',
    ],
  ],
  [
    `${whole}\nsolvers: [newtn]`,
    ['study.yaml:4:11: solvers[0]: the problem has no solver "newtn"; did you mean "newton"?'],
  ],
  [
    `${whole}\nsolvers: cg`,
    ['study.yaml:4:10: solvers: the problem has no solver "cg"; expected one of default, newton'],
  ],
  [
    `${whole}\nmetrics: [acuracy]`,
    ['study.yaml:4:11: metrics[0]: the problem has no metric "acuracy"; did you mean "accuracy"?'],
  ],
  ['kind: bench\nbench: { sizes: 3 }', []],
  [
    'kind: descent\ndescent: { optimizer: lbfgs }\nspace: { lambda: 1, weights: { normal: {}, shape: [3] } }\nmetrics: loss',
    ['study.yaml:6:10: metrics: the problem has no metric "loss"; expected accuracy'],
  ],
]

t.test('what does not fit is told with its line', (t) => {
  for (const [text, faults] of misfits) t.strictSame(said(text), faults, text)
  t.end()
})

t.test('a module that exports a function only', (t) => {
  const plain = { kind: 'plain', problem: { run: (x: Tensor) => x, example: [1] } } as never
  const of = (lines: string): readonly unknown[] =>
    fitFlaws(parseStudy(`name: a\nproblem: ./a.ts\nspace: { x: 1 }\n${lines}`).specification, plain)
  t.strictSame(of(''), [])
  for (const lines of ['solvers: newton', 'strategies: [implicit, oneStep]', 'tolerances: [1e-3, 1e-6]']) {
    t.match(of(lines), [{ path: ['problem'], message: /exports a function only/ }], lines)
  }
  t.end()
})

t.test('the templates fit their problems', async (t) => {
  for (const [name, { text }] of Object.entries(templates)) {
    const { specification } = parseStudy(text)
    const loaded = await loadStudyProblem(specification.problem, { folder: '.' })
    t.strictSame(fitFlaws(specification, loaded), [], name)
  }
})
