// Damaged texts: a well-formed text with bytes changed, put in, cut out or repeated, and what a reader may do with it.
import fc from 'fast-check'
import { DataError } from '../../lib/base/errors.js'

type Damage =
  | { readonly kind: 'replace' | 'insert'; readonly at: number; readonly byte: number }
  | { readonly kind: 'delete' | 'repeat'; readonly at: number; readonly length: number }

const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
/** Any byte, but mostly one that some format gives a meaning. */
const byte = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(...Buffer.from('\n\r\t ,:;"\'%#?@{}\\.-+eE0123456789nai\0\xff', 'latin1')),
)

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('replace' as const, 'insert' as const), at: position, byte }),
  fc.record({
    kind: fc.constantFrom('delete' as const, 'repeat' as const),
    at: position,
    length: fc.integer({ min: 1, max: 30 }),
  }),
)

const apply = (bytes: Buffer, change: Damage): Buffer => {
  const at = Math.floor(change.at * (bytes.length + 1))
  const before = bytes.subarray(0, at)
  if ('byte' in change) {
    const after = bytes.subarray(change.kind === 'replace' ? at + 1 : at)
    return Buffer.concat([before, Buffer.of(change.byte), after])
  }
  const piece = bytes.subarray(at, at + change.length)
  return Buffer.concat([
    before,
    ...(change.kind === 'repeat' ? [piece, piece] : []),
    bytes.subarray(at + change.length),
  ])
}

/** One of `texts` with one to five damages. */
export const damaged = (texts: readonly string[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(...texts), fc.array(damage, { minLength: 1, maxLength: 5 }))
    .map(([text, changes]) => changes.reduce(apply, Buffer.from(text, 'utf8')))

/** Runs of a property on damaged texts: many when the long tests are asked for. */
export const damageRuns = process.env['ONESTEP_SOAK'] === '1' ? 200_000 : 3000

/** What `read` gives, or the DataError it throws; every other error passes through. */
export const resultOrDataError = <T>(read: () => T): T | DataError => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DataError) return error
    throw error
  }
}

/** Whether an error says where it happened, and what to do. */
export const saysWhere = (error: DataError): boolean =>
  /^[^:]+:\d+: ./.test(error.message) && error.remedy !== undefined && error.message.length < 1200
