// One row of the op table.
import type { Shape } from '../../lib/base/shape.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import type { Operand } from '../../lib/ir/trace.js'
import type { Draw } from './draw.js'

export interface Sample {
  readonly name: string
  /** A traced function that applies the op. */
  readonly fn: (...inputs: Tensor[]) => Operand | readonly Operand[]
  readonly draws: readonly Draw[]
  /** What its derivatives are compared with; 'none' where only values count (edges, non-finite numbers). */
  readonly oracle: 'complex' | 'differences' | 'none'
  /** Has no derivative in reverse mode. */
  readonly forwardOnly?: boolean
}

/** Samples by op name. */
export type Table = Readonly<Record<string, readonly Sample[]>>

export const sample = (
  name: string,
  fn: Sample['fn'],
  draws: readonly Draw[],
  oracle: Sample['oracle'] = 'complex',
): Sample => ({ name, fn, draws, oracle })

/** A kind of array in any shape. */
export type Kind = (...shape: Shape) => Draw
