// Plain data through text and back, to the last bit.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { fromExactJson, toExactJson } from '../../lib/base/exactJson.js'

const number = fc.oneof(
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 5e-324, Number.MAX_VALUE, 0.1 + 0.2),
)
const key = fc.string().filter((k) => !k.startsWith('$') && k !== '__proto__')
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    number,
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(number).map((list) => Float64Array.from(list)),
    fc.array(fc.integer()).map((list) => Int32Array.from(list)),
    fc.array(fc.nat(255)).map((list) => Uint8Array.from(list)),
    fc.array(tie('tree')),
    fc.dictionary(key, tie('tree'), { noNullPrototype: true }),
  ),
}))

test('every number, list and record comes back', async (t) => {
  fc.assert(
    fc.property(tree, (value) => {
      // It tells −0 from 0 and one kind of array from another.
      deepStrictEqual(fromExactJson(toExactJson(value)), value)
    }),
    { numRuns: 500 },
  )
  t.equal(
    toExactJson({ a: new Float64Array([1, -0, NaN]), b: -Infinity, c: undefined }),
    '{"a":{"$Float64Array":[1,"-0","NaN"]},"b":{"$number":"-Infinity"}}',
  )
})

test('what is no plain data is refused, and so is text that was changed', async (t) => {
  for (const value of [
    undefined,
    () => 1,
    new Map(),
    1n,
    new Float32Array(1),
    { $a: 1 },
    [{ deep: Symbol() }],
  ]) {
    t.throws(() => toExactJson(value), { code: 'ERR_DATA' })
  }
  t.throws(() => toExactJson({ a: [1, { b: new Date() }] }), { message: /at value\.a\[1\]\.b/ })
  const texts = [
    '',
    '{',
    '{"$number":"x"}',
    '{"$Float64Array":1}',
    '{"$Float64Array":["1"]}',
    '{"$Date":[1]}',
  ]
  for (const text of texts) t.throws(() => fromExactJson(text), { code: 'ERR_DATA' })
})
