// Every strategy on every solver and problem, converged or not, in both modes, against its formula.
import { test } from 'tap'
import { compared, distances, factsOf, rows } from './formulas.js'
import { problems } from './problems.js'

const bar = 1e-10

for (const problem of problems) {
  test(problem.name, async (t) => {
    const facts = factsOf(problem)
    for (const { name, strategy, expected } of rows.filter(({ fits }) => fits(problem))) {
      const { errors, reports } = distances(facts, strategy, expected(facts))
      errors.forEach((error, i) => {
        t.ok(error <= bar, `${name}, ${compared[i] as string}: ${error.toExponential(1)}`)
      })
      t.equal(reports.iterations, problem.steps, `${name}: number of steps`)
      t.equal(reports.gradientStatus, 0, `${name}: gradient status`)
      t.notOk(
        (reports.adjointResidual as number) > 1e-12,
        `${name}: adjoint residual ${String(reports.adjointResidual)}`,
      )
    }
  })
}
