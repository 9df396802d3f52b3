// The list of values of a program: what instructions name by number.
import { ShapeError } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import { freeze } from './constants.js'
import type { Constant } from './constants.js'
import type { ProgramValue } from './format.js'
import type { Placement } from './memory.js'
import type { Variable } from './region.js'

/** What the kernels can count through. */
const mostAxes = 7

/** The list of values, each (space, offset, shape) once; a slice is a value of its own, since a scan sets its pointer. */
export class Values {
  readonly list: ProgramValue[] = []
  readonly constants: Constant[] = []
  readonly immediates: number[] = []
  private readonly known = new Map<string, number>()
  private readonly constantIndex = new Map<string, number>()
  private readonly immediateIndex = new Map<number, number>()
  private readonly uniform: Placement
  private readonly lanes: number

  constructor(uniform: Placement, lanes: number) {
    this.uniform = uniform
    this.lanes = lanes
  }

  index(v: Variable, tile: Placement): number {
    const value = this.value(v, tile)
    const who = v.root.slice ? v.root.id : 0
    const key = `${value.space} ${String(value.offset)} ${value.shape.join()} ${String(who)}`
    const known = this.known.get(key)
    if (known !== undefined) return known
    this.known.set(key, this.list.length)
    return this.list.push(value) - 1
  }

  private value(v: Variable, tile: Placement): ProgramValue {
    const { root, shape, at } = v
    if (shape.length > mostAxes) {
      throw new ShapeError(
        `an array of shape ${formatShape(shape)} has too many axes to be computed natively`,
        {
          expected: `at most ${String(mostAxes)}`,
          remedy: 'Reshape it so that neighbouring axes become one',
        },
      )
    }
    if (root.constant !== undefined) {
      if (root.size === 1)
        return { space: 'immediate', offset: this.immediate(root.constant.data[0] as number), shape }
      return { space: 'constant', offset: this.constant(freeze(root.constant)), shape }
    }
    if (root.slice) return { space: 'slice', offset: root.lane ? 1 : 0, shape }
    const lane = root.lane
    const offset = (lane ? tile : this.uniform).offsets.get(root)
    if (offset === undefined) throw new Error(`a variable of shape [${shape.join(', ')}] has no place`)
    return lane
      ? { space: 'lane', offset: (offset + at) * this.lanes, shape }
      : { space: 'uniform', offset: offset + at, shape }
  }

  private constant(constant: Constant): number {
    const known = this.constantIndex.get(constant.hash)
    if (known !== undefined) return known
    this.constantIndex.set(constant.hash, this.constants.length)
    return this.constants.push(constant) - 1
  }

  /** Map compares by SameValueZero, which would confuse 0 and −0. */
  private immediate(x: number): number {
    const known = Object.is(x, -0) ? undefined : this.immediateIndex.get(x)
    if (known !== undefined && !Object.is(this.immediates[known], -0)) return known
    if (!Object.is(x, -0)) this.immediateIndex.set(x, this.immediates.length)
    return this.immediates.push(x) - 1
  }
}
