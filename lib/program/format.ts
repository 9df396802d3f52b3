// What a Program buffer says, as data. docs/program-format.md has the words that encode.ts and decode.ts write and read.
import type { Shape } from '../base/shape.js'
import type { Instruction } from './instruction.js'

/** Where a value lies; the position in the list is its code. */
export const spaces = ['constant', 'immediate', 'uniform', 'lane', 'slice'] as const
export type Space = (typeof spaces)[number]

export interface ProgramValue {
  readonly space: Space
  readonly offset: number
  readonly shape: Shape
}

/** An input or output of a program, by the shape of one instance. */
export interface Port {
  readonly uniform: boolean
  readonly shape: Shape
}

export const stageKinds = ['uniform', 'straight', 'loop'] as const
export const slotKinds = ['input', 'output', 'internal'] as const

export interface Slot {
  readonly kind: (typeof slotKinds)[number]
  readonly index: number
  readonly size: number
}

type Code = readonly Instruction<number>[]

export type Stage =
  | { readonly kind: 'uniform'; readonly code: Code }
  | {
      readonly kind: 'straight'
      readonly loads: readonly Load[]
      readonly stores: readonly Store[]
      readonly code: Code
    }
  | {
      readonly kind: 'loop'
      readonly loads: readonly Load[]
      readonly stores: readonly Store[]
      readonly loop: Extract<Instruction<number>, { kind: 'while' }>
    }

/** Fills `value` from a slot, or from a uniform value that is written −1 − its index. */
export interface Load {
  readonly source: number
  readonly value: number
}

export interface Store {
  readonly value: number
  readonly slot: number
}

/** Everything in a Program buffer. */
export interface Layout {
  readonly lanes: number
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** SHA-256 in hexadecimal digits, and the number of doubles. */
  readonly constants: readonly { readonly hash: string; readonly size: number }[]
  readonly immediates: readonly number[]
  readonly values: readonly ProgramValue[]
  readonly slots: readonly Slot[]
  readonly uniformInputs: readonly { readonly input: number; readonly value: number }[]
  readonly uniformOutputs: readonly { readonly value: number; readonly output: number }[]
  readonly uniformArena: number
  readonly tileArena: number
  readonly stages: readonly Stage[]
}

/** "ONE1" */
export const MAGIC = 0x31454e4f
export const VERSION = 1
/** The first word that the checksum covers. */
export const CHECKED_FROM = 5

/** FNV-1a, 64 bits, of bytes: [low, high]. */
export const checksum = (bytes: Uint8Array): readonly [number, number] => {
  // offset basis cbf29ce484222325; prime 2⁴⁰ + 0x1b3
  let low = 0x84222325
  let high = 0xcbf29ce4
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 2 ** 32)) >>> 0
    low = product >>> 0
  }
  return [low, high]
}
