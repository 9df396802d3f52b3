// Problems of studies from modules, TypeScript included, and what is wrong with them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { compile, hypergradient, newton, sumSquares } from '../../../lib/index.js'
import type { Solver, Tensor } from '../../../lib/index.js'
import { loadStudyProblem } from '../../../lib/study/problem/load.js'
import type { LoadedProblem } from '../../../lib/study/problem/load.js'
import { loadModule } from '../../../lib/study/problem/module.js'
import { defineStudyProblem } from '../../../lib/study/problem/studyProblem.js'
import type { StudyProblem } from '../../../lib/study/problem/studyProblem.js'

// Inside the package, so that modules find onestep by its name.
const folder = mkdtempSync(fileURLToPath(new URL('../../../../dist/problem-', import.meta.url)))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const body = `
  theta: { lambda: 2 },
  solvers: { newton: ({ tol }) => newton({ objective: (x, { lambda }) =>
    sumSquares(x.sub([1, 2])).mul(0.5).add(sumSquares(x).mul(lambda).mul(0.5)), tol }) },
  x0: [0, 0],
  outer: (x) => sumSquares(x.sub([scale, 1])),
`
const write = (name: string, text: string): string => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
  return name
}
const head = `import { defineStudyProblem, newton, sumSquares } from 'onestep'\n`
const load = (path: string, options = {}): Promise<LoadedProblem> =>
  loadStudyProblem({ kind: 'module', path, options }, { folder })

/** h(θ) = ‖x̄ − (scale, 1)‖² with x̄ = (1, 2) / (1 + λ), and its derivative −2 ⟨x̄ − (scale, 1), (1, 2)⟩ / (1 + λ)² */
const exact = (lambda: number, scale: number): readonly [number, number] => {
  const [a, b] = [1 / (1 + lambda) - scale, 2 / (1 + lambda) - 1]
  return [a * a + b * b, (-2 * (a + 2 * b)) / (1 + lambda) ** 2]
}

const evaluate = ({ solvers, x0, outer }: StudyProblem, lambda: number): readonly [number, number] => {
  const inner = solvers.newton?.({ tol: 1e-12, options: {} }) as unknown as Solver<Tensor, object, unknown>
  const { value } = compile(
    hypergradient<Tensor, { lambda: Tensor }, unknown>({ inner, x0: x0 as number[], outer: outer as never }),
  )({ lambda })
  return [value.value as number, value.gradient.lambda as number]
}

t.test(
  'a problem, a function of options that makes one, and a promise of one, in JavaScript and TypeScript',
  async (t) => {
    const modules: readonly (readonly [file: string, text: string, options: object, scale: number])[] = [
      ['plain.mjs', `const scale = 1\nexport default { ${body} }`, {}, 1],
      ['defined.mjs', `const scale = 1\nexport default defineStudyProblem({ ${body} })`, {}, 1],
      ['options.mjs', `export default defineStudyProblem(({ scale = 1 }) => ({ ${body} }))`, { scale: 3 }, 3],
      ['later.mjs', `export default async ({ scale }) => ({ ${body} })`, { scale: 2 }, 2],
      [
        'types.ts',
        `// @ts-nocheck\nconst scale: number = 4\nexport default defineStudyProblem({ ${body} })`,
        {},
        4,
      ],
    ]
    for (const [file, text, options, scale] of modules) {
      const loaded = await load(write(file, head + text), options)
      if (loaded.kind !== 'study') throw new Error(`${file} is no problem of a study`)
      const [value, slope] = evaluate(loaded.problem, 2)
      const [wantedValue, wantedSlope] = exact(2, scale)
      t.ok(Math.abs(value - wantedValue) < 1e-12, `${file}: the value`)
      t.ok(Math.abs(slope - wantedSlope) < 1e-12, `${file}: the derivative`)
    }
  },
)

t.test('a function with an example is a plain problem', async (t) => {
  const loaded = await load(
    write('run.mjs', `${head}export default { run: ({ a }) => sumSquares(a), example: [{ a: [1, 2] }] }`),
  )
  t.equal(loaded.kind, 'plain')
  t.strictSame(loaded.problem && 'example' in loaded.problem && loaded.problem.example, [{ a: [1, 2] }])
})

const wrong: readonly (readonly [file: string, text: string, options: object, message: RegExp])[] = [
  ['none.mjs', 'export const problem = 1', {}, /none\.mjs: no problem of a study.*undefined/],
  ['null.mjs', 'export default null', {}, /no problem of a study.*null/],
  [
    'field.mjs',
    `const scale = 1\nexport default { ${body} metric: {} }`,
    {},
    /unknown option "metric".*"metrics"/,
  ],
  ['half.mjs', 'export default { theta: { a: 1 } }', {}, /half\.mjs: solvers/],
  ['empty.mjs', `const scale = 1\nexport default { ${body} theta: {} }`, {}, /theta/],
  ['number.mjs', 'export default () => 3', {}, /number\.mjs: no problem of a study.*number/],
  ['unused.mjs', `const scale = 1\nexport default { ${body} }`, { tol: 1 }, /takes no options.*tol/],
  ['unused2.mjs', 'export default { run: (a) => a, example: [1] }', { tol: 1 }, /takes no options.*tol/],
  ['example.mjs', 'export default { run: (a) => a }', {}, /example is missing/],
  ['syntax.mjs', 'export default {', {}, /syntax\.mjs: the module cannot be loaded/],
  ['throws.mjs', 'throw new Error("out of order")', {}, /cannot be loaded: out of order/],
]

t.test('what is wrong is told', async (t) => {
  for (const [file, text, options, message] of wrong) {
    await t.rejects(load(write(file, head + text), options), { message }, file)
  }
  await t.rejects(load('nowhere.mjs'), { message: /nowhere\.mjs: no such file/ })
  await t.rejects(loadModule('nowhere.mjs', { what: 'a study' }), { message: /exports a study by default/ })
  t.throws(() => defineStudyProblem({ theta: {} } as never), { message: /defineStudyProblem: theta/ })
})

t.test('defineStudyProblem types what it is given', async (t) => {
  const source = defineStudyProblem({
    theta: { lambda: 1, centre: [0, 0] },
    solvers: {
      newton: ({ tol }) =>
        newton({
          objective: (x: Tensor, { lambda, centre }: { lambda: Tensor; centre: Tensor }) =>
            sumSquares(x.sub(centre)).add(sumSquares(x).mul(lambda)),
          tol,
        }),
    },
    x0: [0, 0],
    outer: (x, { lambda }) => sumSquares(x).add(lambda),
    metrics: { size: (x) => sumSquares(x) },
  })
  t.type(source, 'object')
  t.strictSame(Object.keys((source as StudyProblem).solvers), ['newton'])
})
