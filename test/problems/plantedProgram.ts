// Quadratic programs with a known solution: x, multipliers and active sides are chosen first, then data for which they hold.
import type { QpsData } from '../../lib/data/qps.js'
import type { SparseColumns } from '../../lib/data/sparseColumns.js'
import { stream } from '../../lib/index.js'

/** How a row or a variable is bounded, and where the solution lies. */
export const situations = [
  'equal',
  'atLower',
  'atUpper',
  'between',
  'rangeAtLower',
  'rangeAtUpper',
  'inRange',
  'free',
] as const
export type Situation = (typeof situations)[number]

export interface Planted {
  readonly data: QpsData
  readonly x: Float64Array
  readonly rowMultipliers: Float64Array
  readonly boundMultipliers: Float64Array
}

export interface PlantedOptions {
  readonly rows: readonly Situation[]
  readonly variables: readonly Situation[]
  readonly sense?: 'min' | 'max'
  /** Rows and variables are scaled by powers of ten between 10^−spread and 10^spread. */
  readonly spread?: number
  readonly seed?: number
}

/** The columns of a dense matrix given by rows. */
export const sparseColumns = (
  matrix: readonly Float64Array[],
  columns: number,
  lowerOnly = false,
): SparseColumns => {
  const [indices, values, indptr]: [number[], number[], number[]] = [[], [], [0]]
  for (let j = 0; j < columns; j++) {
    matrix.forEach((row, i) => {
      const value = row[j] as number
      if (value === 0 || (lowerOnly && i < j)) return
      indices.push(i)
      values.push(value)
    })
    indptr.push(indices.length)
  }
  return {
    rows: matrix.length,
    columns,
    indptr: Int32Array.from(indptr),
    indices: Int32Array.from(indices),
    values: Float64Array.from(values),
  }
}

/** A program with the given situations. At most as many of them as there are variables should be active. */
export const planted = ({
  rows,
  variables,
  sense = 'min',
  spread = 0,
  seed = 1,
}: PlantedOptions): Planted => {
  const [m, n] = [rows.length, variables.length]
  const normals = (name: string, count: number): Float64Array => stream(seed, name).normals(count)
  const uniforms = (name: string, count: number): Float64Array => stream(seed, name).uniforms(count)
  const scales = (name: string, count: number): Float64Array =>
    uniforms(name, count).map((u) => 10 ** (spread * (2 * u - 1)))
  const [rowScale, scale] = [scales('row scale', m), scales('scale', n)]
  const at = (v: Float64Array, i: number): number => v[i] as number
  const root = normals('root', n * n)
  const sign = sense === 'max' ? -1 : 1
  const Q = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => {
      let sum = i === j ? 0.5 : 0
      for (let k = 0; k < n; k++) sum += (at(root, i * n + k) * at(root, j * n + k)) / n
      return (sign * sum) / (at(scale, i) * at(scale, j))
    }),
  )
  // Symmetric to the last bit.
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) (Q[j] as Float64Array)[i] = at(Q[i] as Float64Array, j)
  const entries = normals('C', m * n)
  const C = Array.from({ length: m }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => (at(entries, i * n + j) * at(rowScale, i)) / at(scale, j)),
  )
  const x = normals('x', n).map((v, j) => v * at(scale, j))
  const values = C.map((row) => row.reduce((sum, v, j) => sum + v * at(x, j), 0))
  /** Sides around a value, in its units, and the multiplier, in their inverse. */
  const sides = (situation: Situation, value: number, unit: number, u: number): [number, number, number] => {
    const [room, force] = [(0.5 + u) * unit, (0.5 + u) / unit]
    switch (situation) {
      case 'equal':
        return [value, value, u < 0.5 ? -force : force]
      case 'atLower':
        return [value, Infinity, -force]
      case 'atUpper':
        return [-Infinity, value, force]
      case 'between':
        return [value - room, Infinity, 0]
      case 'rangeAtLower':
        return [value, value + room, -force]
      case 'rangeAtUpper':
        return [value - room, value, force]
      case 'inRange':
        return [value - room, value + 2 * room, 0]
      case 'free':
        return [-Infinity, Infinity, 0]
    }
  }
  const [rowRandom, random] = [uniforms('row', m), uniforms('variable', n)]
  const ofRows = rows.map((situation, i) =>
    sides(situation, at(Float64Array.from(values), i), at(rowScale, i), at(rowRandom, i)),
  )
  const ofVariables = variables.map((situation, j) => sides(situation, at(x, j), at(scale, j), at(random, j)))
  const rowMultipliers = Float64Array.from(ofRows, ([, , force]) => force)
  const boundMultipliers = Float64Array.from(ofVariables, ([, , force]) => force)
  const c = Float64Array.from({ length: n }, (_, j) => {
    let sum = -at(boundMultipliers, j)
    for (let i = 0; i < m; i++) sum -= at(C[i] as Float64Array, j) * at(rowMultipliers, i)
    for (let k = 0; k < n; k++) sum -= sign * at(Q[j] as Float64Array, k) * at(x, k)
    return sign * sum
  })
  return {
    x,
    rowMultipliers,
    boundMultipliers,
    data: {
      name: 'planted',
      sense,
      objectiveName: 'f',
      rowNames: rows.map((_, i) => `r${String(i)}`),
      columnNames: variables.map((_, j) => `x${String(j)}`),
      C: sparseColumns(C, n),
      Q: sparseColumns(Q, n, true),
      c,
      constant: 0.25,
      rowLower: Float64Array.from(ofRows, ([low]) => low),
      rowUpper: Float64Array.from(ofRows, ([, high]) => high),
      lower: Float64Array.from(ofVariables, ([low]) => low),
      upper: Float64Array.from(ofVariables, ([, high]) => high),
    },
  }
}
