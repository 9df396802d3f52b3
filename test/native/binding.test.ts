// The functions of the addon as JavaScript calls them: whatever is passed, the answer is a result or a typed error.
import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { realArrays } from '../../lib/runtime/interpreter.js'
import { nativePath } from '../../lib/runtime/native.js'
import type { LoadedProgram } from '../../lib/runtime/native.js'
import { Assembler } from './assembler.js'
import { addon, load, run, shared } from './program.js'

/** y = x + c for x [2] of each instance and c [2] that all share, and c itself again. */
const program = (constant?: Float64Array): Assembler => {
  const p = new Assembler(8)
  const [x, y] = [p.lane([2]), p.lane([2])]
  const c = constant === undefined ? p.uniformInput([2]) : p.constant([2], constant)
  p.straightStage(
    { loads: [[p.slot('input', [2]), x]], stores: [[y, p.slot('output', [2])]] },
    p.apply('add', [x, c], y),
  )
  p.uniformOutput(c, [2])
  return p
}

const call = (...list: unknown[]): unknown => (addon.runProgram as (...list: unknown[]) => unknown)(...list)

const array = (n: number): Float64Array => new Float64Array(n)

const detach = ({ buffer }: Float64Array): void => {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
}

const detached = (n: number): Float64Array => {
  const x = array(n)
  detach(x)
  return x
}

test('arguments that do not fit', async (t) => {
  const handle = load(program())
  const good = { inputs: [array(2), array(6)], outputs: [array(6), array(2)] }
  const overlapping = array(20)
  /** [name, arguments of runProgram, what the message says] */
  const wrong: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ['nothing', [], /what loadProgram returned, received undefined/],
    [
      'an object as the Program',
      [{}, good.inputs, good.outputs, 3],
      /what loadProgram returned, received an object/,
    ],
    ['no arrays', [handle], /inputs of runProgram\. Expected an array, received undefined/],
    [
      'a typed array as the list',
      [handle, array(2), good.outputs, 3],
      /an array, received another typed array/,
    ],
    ['too few inputs', [handle, [array(2)], good.outputs, 3], /number of inputs.*Expected 2, received 1/],
    ['too many outputs', [handle, good.inputs, [array(6), array(2), array(1)], 3], /number of outputs/],
    ['holes', [handle, new Array(2), good.outputs, 3], /input 0 .*a Float64Array, received undefined/],
    [
      'plain numbers',
      [handle, [array(2), [1, 2, 3, 4, 5, 6]], good.outputs, 3],
      /a Float64Array, received an object/,
    ],
    [
      'single precision',
      [handle, [array(2), new Float32Array(6)], good.outputs, 3],
      /received another typed array/,
    ],
    [
      'a DataView',
      [handle, [array(2), new DataView(new ArrayBuffer(48))], good.outputs, 3],
      /received an object/,
    ],
    [
      'an input of another batch',
      [handle, [array(2), array(8)], good.outputs, 3],
      /input 1 of runProgram has the wrong length\. Expected 6, received 8/,
    ],
    [
      'a uniform input per instance',
      [handle, [array(6), array(6)], good.outputs, 3],
      /input 0 .*Expected 2, received 6/,
    ],
    [
      'an output that is too short',
      [handle, good.inputs, [array(5), array(2)], 3],
      /output 0 .*Expected 6, received 5/,
    ],
    [
      'a detached input',
      [handle, [array(2), detached(6)], good.outputs, 3],
      /received 0 \(is its memory detached\?\)/,
    ],
    ['a detached output', [handle, good.inputs, [array(6), detached(2)], 3], /detached/],
    ['no batch', [handle, good.inputs, good.outputs], /an integer of at least 0.*received undefined/s],
    ['a negative batch', [handle, good.inputs, good.outputs, -1], /an integer of at least 0/],
    ['half an instance', [handle, good.inputs, good.outputs, 2.5], /an integer/],
    ['NaN instances', [handle, good.inputs, good.outputs, NaN], /an integer/],
    ['2^60 instances', [handle, good.inputs, good.outputs, 2 ** 60], /an integer/],
    ['2^32 instances', [handle, good.inputs, good.outputs, 2 ** 32], /wrong length/],
    ['2^53 − 1 instances', [handle, good.inputs, good.outputs, 2 ** 53 - 1], /at most 4294967296/],
    ['a string as the batch', [handle, good.inputs, good.outputs, '3'], /received a string/],
    [
      'options that are none',
      [handle, good.inputs, good.outputs, 3, 7],
      /options .*an object, received a number/,
    ],
    [
      'two abort words',
      [handle, good.inputs, good.outputs, 3, { control: new Int32Array(2) }],
      /control .*Expected 1, received 2/,
    ],
    ['control in doubles', [handle, good.inputs, good.outputs, 3, { control: array(2) }], /an Int32Array/],
    ['no chunk', [handle, good.inputs, good.outputs, 3, { chunkBytes: 0 }], /chunkBytes .*at least 1/],
    [
      'an output in the memory of an input',
      [handle, [array(2), overlapping.subarray(0, 6)], [overlapping.subarray(5, 11), array(2)], 3],
      /output 0 .*the memory of input 1/,
    ],
    [
      'outputs that share memory',
      [handle, good.inputs, [overlapping.subarray(0, 6), overlapping.subarray(4, 6)], 3],
      /output 1 .*the memory of output 0/,
    ],
  ]
  for (const [name, list, message] of wrong)
    t.throws(() => call(...list), { code: 'ERR_ARGUMENT', message }, name)
  t.throws(() => call(handle, good.inputs, good.outputs, 3, { chunkbytes: 1 }), {
    code: 'ERR_UNKNOWN_OPTION',
    message: /unknown option "chunkbytes"/,
  })
  t.strictSame(call(handle, good.inputs, good.outputs, 3, { control: undefined }), {
    finished: 3,
    laneSlots: 0,
    iterations: 0,
  })
  const neighbours = [overlapping.subarray(0, 6), overlapping.subarray(12, 14)]
  t.doesNotThrow(
    () => call(handle, [array(2), overlapping.subarray(6, 12)], neighbours, 3),
    'neighbours in one buffer',
  )

  for (const list of [
    [],
    [7],
    ['x', []],
    [new Uint8Array(4), []],
    [new Float64Array(4), []],
    [detached(3), []],
    [program().bytes()],
    [program().bytes(), 3],
  ]) {
    t.throws(() => (addon.loadProgram as (...list: unknown[]) => unknown)(...list), {
      code: /^ERR_(ARGUMENT|PROGRAM)$/,
    })
  }
})

test('arguments whose elements run JavaScript', async (t) => {
  const handle = load(program())
  // By the time the second element is read, the first has lost its memory.
  const first = array(2)
  const inputs: Float64Array[] = [first]
  Object.defineProperty(inputs, 1, {
    get: () => {
      detach(first)
      return array(6)
    },
  })
  inputs.length = 2
  t.throws(() => addon.runProgram(handle, inputs, [array(6), array(2)], 3), {
    code: 'ERR_ARGUMENT',
    message: /detached/,
  })
  // A run inside a run.
  const outputs: Float64Array[] = []
  let inner: unknown
  Object.defineProperty(outputs, 0, {
    get: () => {
      inner = run(handle, [Float64Array.of(1, 2), Float64Array.of(5, 6)], [2, { uniform: 2 }], 1).outputs
      return array(4)
    },
  })
  outputs[1] = array(2)
  t.strictSame(addon.runProgram(handle, [array(2), array(4)], outputs, 2).finished, 2)
  t.strictSame(inner, [Float64Array.of(6, 8), Float64Array.of(1, 2)])
  const failing = { get control(): never { throw new RangeError('mine') } } // prettier-ignore
  t.throws(
    () => addon.runProgram(handle, [array(2), array(2)], [array(2), array(2)], 1, failing),
    new RangeError('mine'),
  )
})

test('arrays in shared memory, and parts of arrays', async (t) => {
  const handle = load(program())
  const memory = shared(new Float64Array(64))
  const [c, x, y] = [memory.subarray(3, 5), memory.subarray(7, 11), memory.subarray(20, 24)]
  c.set([10, 20])
  x.set([1, 2, 3, 4])
  const again = memory.subarray(30, 32)
  const control = new Int32Array(new SharedArrayBuffer(4))
  addon.runProgram(handle, [c, x], [y, again], 2, { control })
  t.strictSame([...y, ...again, ...control], [11, 22, 13, 24, 10, 20, 0])
  t.ok(
    memory.every((v, i) => v === 0 || [3, 7, 20, 30].some((at) => i >= at && i < at + 4)),
    'nothing else is written',
  )
})

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const collect = (): void => {
  for (let i = 0; i < 5; i++) gc()
}

test('constants live as long as their Program, and a detached one is a copy', async (t) => {
  const values = Float64Array.of(3, 4)
  const transferred = load(program(values))
  detach(values)
  t.equal(values.length, 0)
  t.strictSame([...(run(transferred, [array(2)], [2, { uniform: 2 }], 1).outputs[0] ?? [])], [3, 4])

  const handle = load(program(shared([5, 6])))
  collect()
  const garbage = Array.from({ length: 200 }, () => shared(new Float64Array(2).fill(-1)))
  t.strictSame([...(run(handle, [array(2)], [2, { uniform: 2 }], 1).outputs[0] ?? [])], [5, 6])
  t.equal(garbage.length, 200)
})

test('discarded handles are freed without being asked for: V8 knows what they weigh', async (t) => {
  const size = 1 << 17 // arenas of 16 MiB at 8 lanes
  const input = array(size)
  const output = array(size)
  const make = (): LoadedProgram => {
    const p = new Assembler(8)
    const [x, y] = [p.lane([size]), p.lane([size])]
    const ports = { loads: [[p.slot('input', [size]), x]], stores: [[y, p.slot('output', [size])]] } as const
    const handle = load(p.straightStage(ports, p.apply('neg', [x], y)))
    addon.runProgram(handle, [input], [output], 1)
    return handle
  }
  const before = process.memoryUsage().rss
  let largest = 0
  for (let i = 0; i < 100; i++) {
    make()
    await new Promise((resolve) => setImmediate(resolve))
    largest = Math.max(largest, process.memoryUsage().rss - before)
  }
  t.ok(largest < 350 * 2 ** 20, `${largest >> 20} MiB at most; 600 when it does not know`)
})

test('worker threads load and run Programs of their own at the same time', async (t) => {
  const bytes = program().bytes()
  const code = `
    const { workerData, parentPort } = require('node:worker_threads')
    const addon = require(workerData.path)
    const handle = addon.loadProgram(workerData.bytes, [])
    const x = new Float64Array(2000).map((_, i) => i)
    let wrong = 0
    for (let round = 0; round < 300; round++) {
      const y = new Float64Array(2000)
      addon.runProgram(handle, [Float64Array.of(round, 2), x], [y, new Float64Array(2)], 1000)
      wrong += y.filter((v, i) => v !== i + (i % 2 === 0 ? round : 2)).length
    }
    parentPort.postMessage(wrong)`
  const results = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const worker = new Worker(code, { eval: true, workerData: { path: nativePath(), bytes } })
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    }),
  )
  t.strictSame(results, [0, 0, 0, 0])
})

test('kernels and ops have the same names', async (t) => {
  // What lowering takes away, and what a Program has beside ops.
  const lowered = ['constant', 'reshape', 'stopGradient']
  const own = ['fused', 'copy', 'mulAdd', 'while', 'scan', 'cond']
  const ops = Object.keys(realArrays.rules).filter((name) => !lowered.includes(name))
  t.strictSame(addon.kernelNames(), [...ops, ...own].sort())
})
