// At which sides of its rows and variables the solution of a quadratic program lies.
import type { ProgramSolution } from './kktResiduals.js'
import { sideNames } from './quadraticProgram.js'
import type { ProgramForm, SideName } from './quadraticProgram.js'

/** A multiplier and a slack, both scaled, of which one is this much larger than the other, are told apart. */
const contrast = 1e3

/** A side of a row or variable at which the solution lies. */
export interface ActiveSide {
  readonly side: SideName
  readonly name: string
  /** λ or μ: positive at an upper side, negative at a lower one; any sign where both are equal. */
  readonly multiplier: number
  /** False where the multiplier is so small that the side may be active by chance. */
  readonly strict: boolean
}

/** The active sides, each with its row of A or G, [n]. */
export interface Active {
  readonly sides: readonly ActiveSide[]
  readonly rows: readonly Float64Array[]
}

/** The sides whose scaled slack does not exceed their multiplier by far. */
export const activeOf = (
  { data, sides, matrices }: ProgramForm,
  { s, z }: Partial<Record<'s' | 'z', Float64Array>>,
  { rowMultipliers, boundMultipliers }: ProgramSolution,
): Active => {
  const n = data.c.length
  const active: ActiveSide[] = []
  const rows: Float64Array[] = []
  for (const side of sideNames) {
    const { kind, indices, equality, offset } = sides[side]
    const matrix = (equality ? matrices.A : matrices.G)?.data as Float64Array
    indices.forEach((i, k) => {
      const [slack, force] = equality ? [0, 1] : [s?.[offset + k] ?? NaN, z?.[offset + k] ?? NaN]
      if (slack > contrast * force) return
      active.push({
        side,
        name: (kind === 'row' ? data.rowNames : data.columnNames)[i] ?? '',
        multiplier: (kind === 'row' ? rowMultipliers : boundMultipliers)[i] as number,
        strict: force > contrast * slack,
      })
      rows.push(matrix.subarray((offset + k) * n, (offset + k + 1) * n))
    })
  }
  return { sides: active, rows }
}
