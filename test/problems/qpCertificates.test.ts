// Proofs that a quadratic program has no solution: planted contradictions and rays, and what is no proof.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { parseQps, type QpsData } from '../../lib/data/qps.js'
import { eachEntry, type SparseColumns } from '../../lib/data/sparseColumns.js'
import { solveProgram, stream } from '../../lib/index.js'
import { leastSquares } from '../../lib/problems/quadratic/leastSquares.js'
import { checkInfeasible, checkUnbounded } from '../../lib/problems/quadratic/certificateChecks.js'
import { planted, situations, sparseColumns } from './plantedProgram.js'

// Every program is compiled for itself.
tap.setTimeout(300_000)

const runs = process.env['ONESTEP_SOAK'] === '1' ? 500 : 25

const dense = (matrix: SparseColumns, symmetric = false): Float64Array[] => {
  const rows = Array.from({ length: matrix.rows }, () => new Float64Array(matrix.columns))
  eachEntry(matrix, (i, j, value) => {
    rows[i]![j] = value
    if (symmetric) rows[j]![i] = value
  })
  return rows
}
const product = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
const largest = (v: Float64Array): number => Math.max(...v.map(Math.abs))

/** A feasible program with a row that asks for more than two others allow together, by `excess` of their size. */
const contradictory = (variables: number, rows: number, excess: number, seed: number): QpsData => {
  const pick = stream(seed, 'situations').uniforms(variables + rows)
  const situation = (i: number) =>
    situations.filter((s) => s !== 'equal')[Math.floor(pick[i]! * (situations.length - 1))]!
  const { data } = planted({
    variables: Array.from({ length: variables }, (_, j) => situation(j)),
    rows: ['inRange', 'inRange', ...Array.from({ length: rows }, (_, i) => situation(variables + i))],
    spread: seed % 3,
    seed,
  })
  const C = dense(data.C)
  const [first, second] = [C[0]!, C[1]!]
  const [a, b] = [1 / largest(first), 1 / largest(second)]
  return {
    ...data,
    rowNames: [...data.rowNames, 'more'],
    C: sparseColumns([...C, first.map((v, j) => a * v + b * second[j]!)], variables),
    rowLower: Float64Array.from([...data.rowLower, a * data.rowUpper[0]! + b * data.rowUpper[1]! + excess]),
    rowUpper: Float64Array.from([...data.rowUpper, Infinity]),
  }
}

/** A feasible program whose objective falls along a direction by `slope`, without curvature and without leaving a side. */
const endless = (variables: number, rows: number, slope: number, seed: number): QpsData => {
  const pick = stream(seed, 'situations').uniforms(variables + rows)
  const { data } = planted({
    variables: Array.from({ length: variables }, (_, j) => (pick[j]! < 0.5 ? 'free' : 'between')),
    rows: Array.from({ length: rows }, (_, i) => (pick[variables + i]! < 0.5 ? 'between' : 'inRange')),
    seed,
  })
  const d = stream(seed, 'd')
    .normals(variables)
    .map((v, j) => (data.lower[j]! > -Infinity ? Math.abs(v) : v))
  // What rounding leaves of a zero would be a row, or a curvature.
  const across = (v: Float64Array): Float64Array =>
    v.map((a, j) => a - (product(v, d) / product(d, d)) * d[j]!).map((a) => (Math.abs(a) < 1e-14 ? 0 : a))
  const C = dense(data.C).map((row, i) =>
    data.rowUpper[i]! < Infinity || product(row, d) < 0 ? across(row) : row,
  )
  const half = dense(data.Q, true).map(across)
  const Q = Array.from(d, (_, j) => across(Float64Array.from(half, (row) => row[j]!)))
  Q.forEach((row, i) => {
    for (let j = 0; j < i; j++) row[j] = Q[j]![i] = (row[j]! + Q[j]![i]!) / 2
  })
  const c = data.c.map((v, j) => v - ((slope + product(data.c, d)) / product(d, d)) * d[j]!)
  const [value, origin] = [C.map((row) => product(row, data.c)), data.c]
  return {
    ...data,
    c,
    C: sparseColumns(C, variables),
    Q: sparseColumns(Q, variables, true),
    rowLower: data.rowLower.map((v, i) => (v > -Infinity ? value[i]! - 1 : v)),
    rowUpper: data.rowUpper.map((v, i) => (v < Infinity ? value[i]! + 1 : v)),
    lower: data.lower.map((v, j) => (v > -Infinity ? origin[j]! - 1 : v)),
  }
}

const size = { variables: fc.integer({ min: 1, max: 6 }), rows: fc.nat(4), seed: fc.nat(10_000) }

test('a contradiction is proved', async () => {
  fc.assert(
    fc.property(fc.record({ ...size, digits: fc.nat(3) }), ({ variables, rows, digits, seed }) => {
      const { status, certificate } = solveProgram(contradictory(variables, rows, 10 ** -digits, seed))
      return status === 'infeasible' && certificate!.residual <= 1e-6
    }),
    { numRuns: runs },
  )
})

test('a ray is proved', async () => {
  fc.assert(
    fc.property(fc.record({ ...size, digits: fc.nat(3) }), ({ variables, rows, digits, seed }) => {
      const data = endless(variables, rows, 10 ** -digits, seed)
      const { status, certificate } = solveProgram(data)
      const d = certificate?.certificate.x ?? new Float64Array(variables)
      const curved = Math.max(0, ...dense(data.Q, true).map((row) => Math.abs(product(row, d))))
      return (
        status === 'unbounded' &&
        certificate!.residual <= 1e-6 &&
        Math.abs(product(data.c, d) + 1) < 1e-9 &&
        curved <= 1e-6
      )
    }),
    { numRuns: runs },
  )
})

const rowsOf = (text: string): QpsData => parseQps(`ROWS\n N f\n${text}ENDATA\n`)
const solution = (x: readonly number[], rowMultipliers: readonly number[]) => ({
  x: Float64Array.from(x),
  rowMultipliers: Float64Array.from(rowMultipliers),
  boundMultipliers: new Float64Array(x.length),
})

test('proofs: exact ones, almost exact ones, and none', async (t) => {
  // x ≤ 1 and x ≥ 2, with x free.
  const apart = rowsOf(' L low\n G high\nCOLUMNS\n x low 1 high 1\nRHS\n low 1 high 2\nBOUNDS\n FR x\n')
  t.strictSame(
    checkInfeasible(apart, solution([0], [3, -3])).certificate.rowMultipliers,
    Float64Array.of(1, -1),
  )
  const almost = checkInfeasible(apart, solution([0], [3, -3.01]))
  t.ok(almost.residual < 1e-15, `corrected to ${almost.residual}`)
  for (const none of [
    [0, 0],
    [-1, 1],
    [1, 0],
    [NaN, 1],
  ]) {
    t.ok(!(checkInfeasible(apart, solution([0], none)).residual < 1e-3), none.join())
  }
  const together = rowsOf(' L low\n G high\nCOLUMNS\n x low 1 high 1\nRHS\n low 2 high 1\nBOUNDS\n FR x\n')
  t.equal(checkInfeasible(together, solution([0], [3, -3])).residual, Infinity)
  // Row and bound: x + y ≥ 5, x ≤ 2, y ≤ 2.
  const bounded = rowsOf(' G r\nCOLUMNS\n x r 1\n y r 1\nRHS\n r 5\nBOUNDS\n UP x 2\n UP y 2\n')
  const proof = checkInfeasible(bounded, solution([0, 0], [-7]))
  t.strictSame([proof.residual, ...proof.certificate.boundMultipliers], [0, 1, 1])

  // min −x + y², x − y ≤ 1 …: along (1, 0) a row is left, along (1, 1) the objective bends; without the row (1, 0) is a ray.
  const bent = rowsOf(' L r\nCOLUMNS\n x f -1 r 1\n y r -1\nRHS\n r 1\nQUADOBJ\n y y 2\n')
  for (const none of [
    [0, 0],
    [1, 0],
    [1, 1],
    [-1, 0],
    [NaN, 0],
  ]) {
    t.ok(!(checkUnbounded(bent, solution(none, [0])).residual < 1e-3), none.join())
  }
  const down = rowsOf('COLUMNS\n x f 1\n')
  t.equal(checkUnbounded(down, solution([-1], [])).residual, 1, 'the lower bound is met')
  const up = parseQps('ROWS\n N f\nCOLUMNS\n x f -1\nBOUNDS\n UP x 4\nENDATA\n')
  t.equal(checkUnbounded(up, solution([1], [])).residual, 1, 'the upper bound is met')
  const straight = rowsOf(' G r\nCOLUMNS\n x f -2 r 1\n y r -1\nRHS\n r 1\nQUADOBJ\n y y 2\n')
  const ray = checkUnbounded(straight, solution([3, 0.01], [0]))
  t.ok(ray.residual < 1e-15 && Math.abs(ray.certificate.x[0]! - 0.5) < 1e-12, `corrected to ${ray.residual}`)
  const most = parseQps('OBJSENSE MAX\nROWS\n N f\nCOLUMNS\n x f 2\nENDATA\n')
  t.strictSame(checkUnbounded(most, solution([1], [])).certificate.x, Float64Array.of(0.5))
})

test('least squares: the shortest of the best', async (t) => {
  const A = [Float64Array.of(1, 2, 0), Float64Array.of(0, 1, 1), Float64Array.of(1, 3, 1)]
  const map = {
    times: (v: Float64Array) => Float64Array.from(A, (row) => product(row, v)),
    transposed: (r: Float64Array) =>
      Float64Array.from({ length: 3 }, (_, j) => A.reduce((sum, row, i) => sum + row[j]! * r[i]!, 0)),
  }
  const right = Float64Array.of(1, 2, 4)
  const x = leastSquares(map, right)
  const normal = map.transposed(map.times(x).map((v, i) => v - right[i]!))
  t.ok(largest(normal) < 1e-12, 'the remainder is orthogonal to the columns')
  // The kernel is spanned by (2, −1, 1).
  t.ok(Math.abs(2 * x[0]! - x[1]! + x[2]!) < 1e-12, 'no part of the kernel')
  t.strictSame(leastSquares(map, new Float64Array(3)), new Float64Array(3))
})
