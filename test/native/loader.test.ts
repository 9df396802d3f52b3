// The loader refuses whatever breaks a rule of docs/program-format.md, and says which; and no mutation of a good Program,
// with its checksum put right, does more than be refused or run in its own memory.
import { test } from 'tap'
import { Worker } from 'node:worker_threads'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import { traceGraph } from '../../lib/ir/trace.js'
import { lower } from '../../lib/program/lower.js'
import { prepareForLowering } from '../../lib/transform/simplify.js'
import { inputShapes, randomFunction } from '../program/random-function.js'
import { Assembler, seal } from './assembler.js'
import type { Shape, Value, Words } from './assembler.js'
import { addon, load, run } from './program.js'

const soak = process.env['ONESTEP_SOAK'] === '1'

/** A Program that negates x [2] in two stages. */
const simple = (): Assembler => {
  const p = new Assembler(8)
  const [x, y, z] = [p.lane([2]), p.lane([2]), p.lane([2])]
  const between = p.internal([2])
  p.straightStage({ loads: [[p.slot('input', [2]), x]], stores: [[y, between]] }, p.apply('neg', [x], y))
  p.straightStage({ loads: [[between, z]], stores: [[z, p.slot('output', [2])]] })
  return p
}

const changed = (at: number, word: number): Uint8Array => {
  const bytes = simple().bytes().slice()
  new DataView(bytes.buffer).setUint32(4 * at, word, true)
  return bytes
}

const buffers: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ['nothing', () => new Uint8Array(0), /whole words, at least 5, received 0 bytes/],
  ['half a word', () => simple().bytes().slice(0, -2), /whole words/],
  ['another magic', () => changed(0, 7), /begin as a Program does/],
  ['another version', () => changed(1, 2), /another version\. Expected 1, received 2/],
  ['another length', () => changed(2, 44), /cut short/],
  ['a cut', () => simple().bytes().slice(0, -8), /cut short/],
  ['a changed word', () => changed(9, 1), /checksum/],
  ['a changed checksum', () => changed(3, 1), /checksum/],
  ['seven lanes', () => seal(changed(5, 7)), /lanes a tile\. Expected 1 or a multiple of 8/],
  ['no lanes', () => seal(changed(5, 0)), /lanes a tile/],
  ['a million lanes', () => seal(changed(5, 1 << 20)), /lanes a tile/],
  ['a word too many', () => seal(Uint8Array.from([...simple().bytes(), 0, 0, 0, 0])), /no word after it/],
  ['a list longer than the buffer', () => seal(changed(6, 0xffffffff)), /entries that fit the buffer/],
]

test('buffers that are no Program', async (t) => {
  for (const [name, bytes, message] of buffers) {
    t.throws(() => addon.loadProgram(bytes(), []), { code: 'ERR_PROGRAM', message }, name)
  }
  t.doesNotThrow(() => load(simple()), 'the Program that they were made from')
  const shifted = new Uint8Array(simple().bytes().length + 3).subarray(3)
  shifted.set(simple().bytes())
  t.doesNotThrow(() => addon.loadProgram(shifted, []), 'bytes that begin at an odd address')
})

/** A Program with one straight stage around some code; what is wrong with it is up to the code. */
const around = (
  code: (p: Assembler, x: Value, y: Value) => readonly Words[],
  store?: (p: Assembler, y: Value) => Value,
): Assembler => {
  const p = new Assembler(8)
  const [x, y] = [p.lane([4]), p.lane([4])]
  const words = code(p, x, y)
  p.straightStage(
    { loads: [[p.slot('input', [4]), x]], stores: [[store?.(p, y) ?? y, p.slot('output', [4])]] },
    ...words,
  )
  return p
}

const scalar = (p: Assembler, x: Value): Value => p.alias(x, [])
const shorter: Shape = [2]

const programs: readonly (readonly [string, () => Assembler, RegExp])[] = [
  [
    'a value that leaves its arena',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.call('copy', [x], [p.value(3, 60, [4])])]),
    /value 2\. Expected to lie in the tile arena of 64, received 60 \+ 32/,
  ],
  [
    'a uniform value that leaves its arena',
    () => around((p, x, y) => [p.apply('add', [x, p.value(2, 0, [4])], y)]),
    /the uniform arena of 0/,
  ],
  [
    'an immediate that is not there',
    () => around((p, x, y) => [p.apply('add', [x, p.value(1, 1, [])], y)]),
    /the immediates of 0/,
  ],
  [
    'a constant that is not there',
    () => around((p, x, y) => [p.apply('add', [x, p.value(0, 0, [4])], y)]),
    /a constant below 0/,
  ],
  [
    'a constant of another size',
    () => around((p, x, y) => [p.apply('add', [x, p.constant([3], new Float64Array(4))], y)]),
    /4 elements, received 3/,
  ],
  [
    'a shape that is too large',
    () => around((p, x, y) => [p.apply('add', [x, p.value(2, 0, [0xffffffff, 0xffffffff, 2])], y)]),
    /2\^36 elements/,
  ],
  [
    'too many axes',
    () => around((p, x, y) => [p.apply('add', [x, p.value(2, 0, [1, 1, 1, 1, 1, 1, 1, 4])], y)]),
    /value shape/,
  ],
  ['another space', () => around((p, x, y) => [p.apply('add', [x, p.value(5, 0, [])], y)]), /value space/],
  [
    'a value index behind the last',
    () => around((p, x, y) => [p.apply('add', [x, 99], y)]),
    /input .*an index below 2, received 99/,
  ],
  [
    'memory that was never set',
    () => around((p, x, y) => [p.apply('add', [x, p.lane([4])], y)]),
    /an input of fused \(value 2\)\. Expected memory that has been set/,
  ],
  [
    'memory that only a loop body sets',
    () =>
      around((p, x, y) => [
        p.while({ carries: [], predicate: scalar(p, x), condition: [], body: [p.apply('neg', [x], y)] }),
      ]),
    /a stored value \(value 1\)\. Expected memory that has been set/,
  ],
  [
    'memory that only one branch sets',
    () =>
      around((p, x, y) => [
        p.cond({ predicate: scalar(p, x), outputs: [], then: [p.apply('neg', [x], y)], else: [] }),
      ]),
    /memory that has been set/,
  ],
  [
    'a uniform output in lane code',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.apply('neg', [x], p.uniform([4]))]),
    /a lane value, in lane code/,
  ],
  [
    'an output in the constants',
    () =>
      around((p, x, y) => [
        p.apply('neg', [x], y),
        p.apply('neg', [x], p.constant([4], new Float64Array(4))),
      ]),
    /a lane value, in lane code/,
  ],
  [
    'an output in a slice',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.apply('neg', [x], p.slice([4], true))]),
    /a lane value, in lane code/,
  ],
  [
    'an output that overlaps an input',
    () => around((p, x, y) => [p.apply('neg', [x], p.lane([4], p.offsetOf(x) + 8)), p.apply('neg', [x], y)]),
    /apart from that of its inputs/,
  ],
  [
    'a transposition in place',
    () =>
      around((p, x, y) => [
        p.call('transpose', [p.alias(x, [2, 2])], [p.alias(x, [2, 2])], 1, 0),
        p.apply('neg', [x], y),
      ]),
    /apart from that of its inputs/,
  ],
  [
    'two outputs in one place',
    () => around((p, x, y) => [p.fused([x], [y, p.alias(y, [4])], [['neg', 0, -1]], [0, 0])]),
    /apart from that of other outputs/,
  ],
  [
    'inputs that do not broadcast',
    () => around((p, x, y) => [p.apply('add', [x, p.constant([3], new Float64Array(3))], y)]),
    /inputs that broadcast to \[4\], received \[4\] \[3\] → \[4\]/,
  ],
  [
    'outputs of two shapes',
    () => around((p, x, y) => [p.fused([x], [y, p.lane([2, 2])], [['neg', 0, -1]], [0, 0])]),
    /outputs of one shape/,
  ],
  [
    'a register that was not written',
    () => around((p, x, y) => [p.fused([x], [y], [['add', 1, -1, 0]], [1])]),
    /registers that have been written/,
  ],
  [
    'an input that fused does not have',
    () => around((p, x, y) => [p.fused([x], [y], [['add', 0, -1, -2]], [0])]),
    /inputs or registers/,
  ],
  [
    'a function of other arity',
    () => around((p, x, y) => [p.apply('neg', [x, x], y)]),
    /there is no neg of 2 arguments/,
  ],
  [
    'a function that is none',
    () => around((p, x, y) => [p.apply('matmul', [x, x], y)]),
    /there is no matmul of 2 arguments/,
  ],
  [
    'a slice outside its scan',
    () => around((p, x, y) => [p.apply('add', [x, p.slice([], true)], y)]),
    /a slice inside its scan/,
  ],
  [
    'a slice in two scans at once',
    () =>
      around((p, x, y) => {
        const s = p.slice([], true)
        const inner = p.scan({ length: 4, sequences: [[x, s]], body: [] })
        return [p.scan({ length: 4, sequences: [[x, s]], body: [inner] }), p.apply('neg', [x], y)]
      }),
    /one scan that sets it/,
  ],
  [
    'a slice that is not per lane like its sequence',
    () =>
      around((p, x, y) => [
        p.scan({ length: 4, sequences: [[x, p.slice([], false)]], body: [] }),
        p.apply('neg', [x], y),
      ]),
    /per lane like its sequence/,
  ],
  [
    'a sequence that is no multiple of its slice',
    () =>
      around((p, x, y) => [
        p.scan({ length: 3, sequences: [[x, p.slice([], true)]], body: [] }),
        p.apply('neg', [x], y),
      ]),
    /3 slices/,
  ],
  [
    'a stacked output that is no multiple',
    () => around((p, x, y) => [p.scan({ length: 3, stacked: [[y, scalar(p, x)]], body: [] })]),
    /3 results/,
  ],
  [
    'a carry and a result of other sizes',
    () =>
      around((p, x, y) => [
        p.apply('neg', [x], y),
        p.scan({ length: 3, carries: [[y, p.alias(x, shorter)]], body: [] }),
      ]),
    /2 elements, received 4/,
  ],
  [
    'a result in the memory of another carry',
    () =>
      around((p, x, y) => {
        const z = p.lane([4])
        return [
          p.apply('neg', [x], y),
          p.apply('neg', [x], z),
          p.scan({
            length: 3,
            carries: [
              [y, z],
              [z, y],
            ],
            body: [],
          }),
        ]
      }),
    /memory of its own or of its own carry/,
  ],
  [
    'a carry that was not set',
    () => around((p, x, y) => [p.scan({ length: 3, carries: [[y, x]], body: [] })]),
    /a carry \(value 1\)\. Expected memory that has been set/,
  ],
  [
    'a predicate of two elements',
    () =>
      around((p, x, y) => [
        p.apply('neg', [x], y),
        p.while({ carries: [], predicate: p.alias(x, shorter), condition: [], body: [] }),
      ]),
    /a predicate .*1 element, received 2/,
  ],
  [
    'a uniform predicate in lane code',
    () =>
      around((p, x, y) => [
        p.apply('neg', [x], y),
        p.while({ carries: [], predicate: p.immediate(0), condition: [], body: [] }),
      ]),
    /a predicate .*a per-lane value/,
  ],
  [
    'a count of two elements',
    () =>
      around((p, x, y) => [
        p.apply('neg', [x], y),
        p.scan({ count: p.alias(x, shorter), length: 2, body: [] }),
      ]),
    /count of a scan/,
  ],
  [
    'a count that is no value',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.scan({ count: 77, length: 2, body: [] })]),
    /a value or −1/,
  ],
  [
    'an output of cond of another size',
    () =>
      around((p, x, y) => [
        p.cond({ predicate: scalar(p, x), outputs: [[y, p.alias(x, shorter), x]], then: [], else: [] }),
      ]),
    /2 elements, received 4/,
  ],
  [
    'a control instruction with operands',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.call('while', [x], [], 0, scalar(p, x), 0, 0)]),
    /no inputs and outputs beside its own lists/,
  ],
  [
    'a block that is longer than its instruction',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.call('while', [], [], 0, scalar(p, x), 9, 0)]),
    /more words/,
  ],
  [
    'words behind a control instruction',
    () => around((p, x, y) => [p.apply('neg', [x], y), p.call('while', [], [], 0, scalar(p, x), 0, 0, 1)]),
    /no word after it/,
  ],
  [
    'control nested too deep',
    () =>
      around((p, x, y) => {
        let code: Words = p.apply('neg', [x], y)
        for (let i = 0; i < 100; i++) code = p.scan({ length: 1, body: [code] })
        return [code]
      }),
    /nested at most 64 deep/,
  ],
  [
    'a stored value of another size',
    () =>
      around(
        (p, x, y) => [p.apply('neg', [x], y)],
        (p, y) => p.alias(y, shorter),
      ),
    /a stored value .*4 elements, received 2/,
  ],
  [
    'a stored uniform value',
    () =>
      around(
        (p, x, y) => [p.apply('neg', [x], y)],
        (p) => p.constant([4], new Float64Array(4)),
      ),
    /a stored value .*a per-lane value/,
  ],
  [
    'an output that nothing stores',
    () => {
      const p = around((q, x, y) => [q.apply('neg', [x], y)])
      p.slot('output', [4])
      return p
    },
    /output 1\. Expected a store/,
  ],
  [
    'a slot of an input that does not exist',
    () => {
      const p = around((q, x, y) => [q.apply('neg', [x], y)])
      p.rawSlot([0, 5, 4, 0])
      return p
    },
    /slot index .*below 1/,
  ],
  [
    'a slot of another size than its input',
    () => {
      const p = around((q, x, y) => [q.apply('neg', [x], y)])
      p.rawSlot([0, 0, 3, 0])
      return p
    },
    /3 doubles, received 4/,
  ],
  [
    'two slots of one output',
    () => {
      const p = new Assembler(8)
      const x = p.lane([4])
      const [input, output] = [p.slot('input', [4]), p.slot('output', [4])]
      return p.straightStage({
        loads: [[input, x]],
        stores: [
          [x, output],
          [x, p.rawSlot([1, 0, 4, 0])],
        ],
      })
    },
    /output 0\. Expected one slot/,
  ],
  [
    'a load of an internal slot that holds nothing',
    () => {
      const p = new Assembler(8)
      const x = p.lane([4])
      return p.straightStage({ loads: [[p.internal([4]), x]], stores: [[x, p.slot('output', [4])]] })
    },
    /one that holds nothing yet/,
  ],
  [
    'a load of another size',
    () => {
      const p = new Assembler(8)
      const x = p.lane([4])
      return p.straightStage({ loads: [[p.slot('input', [2]), x]], stores: [[x, p.slot('output', [4])]] })
    },
    /a loaded value .*2 elements, received 4/,
  ],
  [
    'a load from a lane value',
    () => {
      const p = new Assembler(8)
      const [x, y] = [p.lane([4]), p.lane([4])]
      return p.straightStage({
        loads: [
          [p.slot('input', [4]), x],
          [-1 - x, y],
        ],
        stores: [[y, p.slot('output', [4])]],
      })
    },
    /the source of a load .*constant, immediate or uniform/,
  ],
  [
    'a load into a uniform value',
    () => {
      const p = new Assembler(8)
      const x = p.uniform([4])
      return p.straightStage({ loads: [[p.slot('input', [4]), x]], stores: [[x, p.slot('output', [4])]] })
    },
    /a loaded value .*a lane value/,
  ],
  [
    'a store into an input',
    () => {
      const p = new Assembler(8)
      const x = p.lane([4])
      const slot = p.slot('input', [4])
      return p.straightStage({ loads: [[slot, x]], stores: [[x, slot]] })
    },
    /an input, which is not written/,
  ],
  [
    'a slot stored twice',
    () => {
      const p = new Assembler(8)
      const x = p.lane([4])
      const out = p.slot('output', [4])
      return p.straightStage({
        loads: [[p.slot('input', [4]), x]],
        stores: [
          [x, out],
          [x, out],
        ],
      })
    },
    /one store a stage/,
  ],
  [
    'a result of the body stored by a loop stage',
    () => {
      const p = new Assembler(8)
      const [x, y] = [p.lane([]), p.lane([])]
      return p.loopStage(
        { loads: [[p.slot('input', []), x]], stores: [[y, p.slot('output', [])]] },
        { carries: [[x, y]], predicate: x, condition: [], body: [p.apply('neg', [x], y)] },
      )
    },
    /a stored value .*memory that has been set/,
  ],
  [
    'lane values in uniform code',
    () => around((p, x, y) => [p.apply('neg', [x], y)]).uniformStage([0, 4, 1, 0, 0, 0]),
    /kernel|per-lane one in uniform code|input/,
  ],
  [
    'a uniform output from an uninitialised arena',
    () => {
      const p = new Assembler(8)
      p.uniformOutput(p.uniform([2]), [2])
      return p
    },
    /a uniform output .*memory that has been set/,
  ],
  [
    'a uniform output of another size',
    () => {
      const p = new Assembler(8)
      p.uniformOutput(p.uniformInput([2]), [3])
      return p
    },
    /the size of a uniform output/,
  ],
  [
    'a uniform input in lane memory',
    () => {
      const p = new Assembler(8)
      p.uniformInput([2], p.lane([2]))
      return p
    },
    /a uniform value of the size of a uniform input/,
  ],
  ['another kind of stage', () => simple().stage(3, [0]), /stage kind/],
]

test('Programs that break a rule', async (t) => {
  for (const [name, program, message] of programs) {
    t.throws(() => load(program()), { code: 'ERR_PROGRAM', message }, name)
  }
})

test('constants are checked', async (t) => {
  const p = around((q, x, y) => [q.apply('add', [x, q.constant([4], new Float64Array(4))], y)])
  const bytes = p.bytes()
  t.throws(() => addon.loadProgram(bytes, []), {
    code: 'ERR_ARGUMENT',
    message: /number of constants.*Expected 1, received 0/,
  })
  t.throws(() => addon.loadProgram(bytes, [new Float64Array(5)]), {
    code: 'ERR_ARGUMENT',
    message: /Expected 4, received 5/,
  })
  t.throws(() => addon.loadProgram(bytes, [new Float32Array(4) as unknown as Float64Array]), {
    code: 'ERR_ARGUMENT',
    message: /a Float64Array/,
  })
})

/** Whole Programs to mutate, with inputs of a batch of 9. */
const victims = (): {
  bytes: Uint8Array
  constants: readonly Float64Array[]
  inputs: Float64Array[]
  sizes: ({ uniform: number } | number)[]
}[] =>
  Array.from({ length: 24 }, (_, seed) => {
    const choices = [...stream(seed, 'choices').normals(70)].map((x) => Math.floor(Math.abs(x) * 1e6) % 1000)
    const { graph } = traceGraph(randomFunction(choices), inputShapes)
    const uniform = inputShapes.map((_s, i) => (seed >> i) % 2 === 1)
    const program = lower(prepareForLowering(graph), { uniform, lanes: seed % 3 === 0 ? 1 : 8 })
    return {
      bytes: program.bytes,
      constants: program.constants.map(({ data }) => data),
      inputs: inputShapes.map((shape, i) =>
        stream(seed, String(i)).normals(sizeOf(shape) * (uniform[i] ? 1 : 9)),
      ),
      sizes: program.outputs.map(({ uniform: one, shape }) =>
        one ? { uniform: sizeOf(shape) } : sizeOf(shape),
      ),
    }
  })

test('mutated Programs are refused or run in their own memory', async (t) => {
  // Another thread ends, every few milliseconds, whatever has become an endless loop.
  const control = new Int32Array(new SharedArrayBuffer(12))
  const watch = `const { workerData: w } = require('node:worker_threads')
    const tick = () => { Atomics.store(w, 0, 1); if (Atomics.load(w, 2) === 0) setTimeout(tick, 5) }
    tick()`
  const watcher = new Worker(watch, { eval: true, workerData: control })
  const random = stream(1, 'mutations')
  let drawn = 0
  const below = (n: number): number => Math.floor((random.uniforms(1, drawn++)[0] as number) * n)
  const codes: Record<string, number> = {}
  const originals = victims()
  const runs = soak ? 200_000 : 6_000
  for (let i = 0; i < runs; i++) {
    const { bytes, constants, inputs, sizes } = originals[i % originals.length] as (typeof originals)[number]
    const copy = new Uint8Array(bytes)
    const view = new DataView(copy.buffer)
    const words = copy.length / 4
    for (let n = 1 + below(3); n > 0; n--) {
      const at = 4 * (5 + below(words - 5))
      const old = view.getUint32(at, true)
      const other = view.getUint32(4 * (5 + below(words - 5)), true)
      const candidates = [
        old + 1,
        old - 1,
        other,
        other,
        0,
        1,
        8,
        old * 2,
        old ^ (1 << below(32)),
        0xffffffff,
        0x7fffffff,
        0x80000000,
        below(64),
      ]
      view.setUint32(at, (candidates[below(candidates.length)] as number) >>> 0, true)
    }
    seal(copy)
    Atomics.store(control, 0, 0)
    try {
      run(addon.loadProgram(copy, constants), inputs, sizes, 9, { control: control.subarray(0, 1) })
      codes['ran'] = (codes['ran'] ?? 0) + 1
    } catch (error) {
      const { code } = error as { code?: string }
      codes[String(code)] = (codes[String(code)] ?? 0) + 1
      if (!['ERR_PROGRAM', 'ERR_ARGUMENT', 'ERR_OUT_OF_MEMORY'].includes(String(code))) throw error
    }
  }
  Atomics.store(control, 2, 1)
  await new Promise((resolve) => watcher.once('exit', resolve))
  t.comment(JSON.stringify(codes))
  t.ok((codes['ERR_PROGRAM'] ?? 0) > runs / 10 && (codes['ran'] ?? 0) > runs / 100, 'both happen often')
})
