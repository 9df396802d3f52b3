// The buffer format: damage is found, and numbers come back as they were.
import fc from 'fast-check'
import { test } from 'tap'
import { ProgramError } from '../../lib/base/errors.js'
import { decode } from '../../lib/program/decode.js'
import { encode } from '../../lib/program/encode.js'
import { checksum } from '../../lib/program/format.js'
import type { Layout } from '../../lib/program/format.js'

const layout: Layout = {
  lanes: 8,
  inputs: [
    { uniform: true, shape: [] },
    { uniform: false, shape: [3, 2] },
  ],
  outputs: [{ uniform: false, shape: [6] }],
  constants: [{ hash: '00112233445566778899aabbccddeeff'.repeat(2), size: 2 ** 33 + 5 }],
  immediates: [0, -0, NaN, Infinity, -1e300, 5e-324],
  values: [
    { space: 'immediate', offset: 1, shape: [] },
    { space: 'lane', offset: 2 ** 35 + 8, shape: [3, 2] },
    { space: 'uniform', offset: 0, shape: [] },
  ],
  slots: [
    { kind: 'output', index: 0, size: 6 },
    { kind: 'input', index: 1, size: 6 },
  ],
  uniformInputs: [{ input: 0, value: 2 }],
  uniformOutputs: [],
  uniformArena: 8,
  tileArena: 2 ** 36,
  stages: [
    { kind: 'uniform', code: [] },
    {
      kind: 'straight',
      loads: [
        { source: 1, value: 1 },
        { source: -1, value: 1 },
      ],
      stores: [{ value: 1, slot: 0 }],
      code: [
        { kind: 'kernel', kernel: 'triangle', inputs: [1], outputs: [1], attributes: [1, -2] },
        {
          kind: 'fused',
          inputs: [1, 0],
          outputs: [1],
          registers: 1,
          steps: [{ kernel: 'add', to: 0, from: [-1, -2] }],
          results: [0],
        },
      ],
    },
  ],
}

test('a layout comes back as it was', async (t) => {
  t.strictSame(decode(encode(layout)), layout)
})

test('the checksum is FNV-1a with 64 bits', async (t) => {
  // Published answers, high word first.
  const published: readonly (readonly [string, string])[] = [
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
  ]
  for (const [text, answer] of published) {
    const [low, high] = checksum(new TextEncoder().encode(text))
    t.equal(high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0'), answer)
  }
})

test('any changed byte is found', async (t) => {
  const bytes = encode(layout)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] as number) ^ change
      t.throws(() => decode(damaged), ProgramError)
    }),
    { numRuns: 200 },
  )
  for (let length = 0; length < bytes.length; length += 3)
    t.throws(() => decode(bytes.slice(0, length)), ProgramError)
})

test('a buffer with a right checksum but wrong words never ends in anything but a ProgramError', async (t) => {
  const bytes = encode(layout)
  fc.assert(
    fc.property(fc.integer({ min: 5, max: bytes.length / 4 - 1 }), fc.integer(), (at, word) => {
      const words = new Int32Array(Uint8Array.from(bytes).buffer)
      words[at] = word
      const damaged = new Uint8Array(words.buffer)
      ;[words[3], words[4]] = checksum(damaged.subarray(20))
      try {
        decode(damaged)
        t.pass('still a layout')
      } catch (error) {
        t.ok(error instanceof ProgramError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('another version is refused by name', async (t) => {
  const bytes = Uint8Array.from(encode(layout))
  bytes[4] = 2
  t.throws(() => decode(bytes), { message: /version 2/ })
})
