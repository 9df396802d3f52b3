// The functions that share a run of a Program among threads: whatever is passed, a result or a typed error; however the work is
// taken up and put aside, the bits of runProgram.
import { test } from 'tap'
import type { OnestepError } from '../../lib/base/errors.js'
import { jobsOf } from '../../lib/runtime/compile.js'
import { instanceState, jobSignal } from '../../lib/runtime/native.js'
import type { JobPlan, LoadedProgram, Outcome, Turn } from '../../lib/runtime/native.js'
import { programs } from '../pool/programs.js'
import { Assembler } from './assembler.js'
import { addon, load } from './program.js'

/**
 * x ← |θ|, n ← 0; while x > 1: x ← 3/4 c x, n ← n + 1; then z = n + x: three stages with what lies between them, and 2 c for
 * all of a uniform input c.
 */
const program = (lanes: number): Assembler => {
  const p = new Assembler(lanes)
  const [one, zero, ratio] = [p.immediate(1), p.immediate(0), p.immediate(0.75)]
  const c = p.uniformInput([])
  const [twice, begin] = [p.uniform([]), p.uniform([])]
  p.uniformStage(p.apply('add', [c, c], twice), p.apply('mul', [c, zero], begin))
  const [theta, size] = [p.lane([]), p.lane([])]
  const between = p.internal([])
  p.straightStage(
    { loads: [[p.slot('input', []), theta]], stores: [[size, between]] },
    p.apply('abs', [theta], size),
  )
  const [x, n, x1, n1, go] = [p.lane([]), p.lane([]), p.lane([]), p.lane([]), p.lane([])]
  const ended = [p.internal([]), p.internal([])] as const
  p.loopStage(
    {
      loads: [
        [between, x],
        [-1 - begin, n],
      ],
      stores: [
        [x, ended[0]],
        [n, ended[1]],
      ],
    },
    {
      carries: [
        [x, x1],
        [n, n1],
      ],
      predicate: go,
      condition: [p.apply('greater', [x, one], go)],
      body: [
        p.fused(
          [x, ratio, c],
          [x1],
          [
            ['mul', 0, -1, -2],
            ['mul', 1, 0, -3],
          ],
          [1],
        ),
        p.apply('add', [n, one], n1),
      ],
    },
  )
  const [u, v, z, w] = [p.lane([]), p.lane([]), p.lane([]), p.lane([])]
  p.straightStage(
    {
      loads: [
        [ended[0], u],
        [ended[1], v],
      ],
      stores: [
        [z, p.slot('output', [])],
        [w, p.slot('output', [])],
      ],
    },
    p.apply('add', [u, v], z),
    p.apply('add', [v, zero], w),
  )
  p.uniformOutput(twice, [])
  return p
}

const bytes = (n: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(n))

interface Job {
  readonly plan: JobPlan
  readonly memory: Uint8Array
  readonly uniform: Uint8Array
  readonly inputs: readonly Float64Array[]
  readonly outputs: readonly Float64Array[]
  readonly batch: number
}

const open = (
  handle: LoadedProgram,
  inputs: readonly Float64Array[],
  sizes: readonly number[],
  batch: number,
  { seats = 2, chunk = 1 << 20 }: { readonly seats?: number; readonly chunk?: number } = {},
): Job => {
  const plan = addon.planJob(handle, batch, seats, chunk)
  const [memory, uniform] = [bytes(plan.memoryBytes).fill(0xa5), bytes(plan.uniformBytes).fill(0xa5)]
  addon.openJob(handle, memory, uniform, { batch, seats, positions: plan.positions })
  return { plan, memory, uniform, inputs, outputs: sizes.map((n) => new Float64Array(n).fill(-7)), batch }
}

const join = (handle: LoadedProgram, { memory, uniform, inputs, outputs }: Job, turn: Turn): Outcome =>
  addon.joinJob(handle, memory, uniform, inputs, outputs, turn)

const direct = (
  handle: LoadedProgram,
  inputs: readonly Float64Array[],
  sizes: readonly number[],
  batch: number,
): readonly Float64Array[] => {
  const outputs = sizes.map((n) => new Float64Array(n).fill(-7))
  addon.runProgram(handle, inputs, outputs, batch)
  return outputs
}

const same = (a: readonly Float64Array[], b: readonly Float64Array[]): boolean =>
  a.length === b.length && a.every((x, i) => addon.sameBits(x, b[i] as Float64Array))

const thetas = (batch: number): Float64Array =>
  Float64Array.from({ length: batch }, (_, i) => (-1) ** i * 1.1 ** ((i * 37) % 101))
const given = (batch: number): readonly Float64Array[] => [new Float64Array([0.9]), thetas(batch)]
const sizes = (batch: number): readonly number[] => [batch, batch, 1]

let epoch = 1
/** One handle after another for a millisecond each, always asked to give way, until nobody finds anything to do. */
const alternately = (handles: readonly LoadedProgram[], job: Job): number => {
  addon.signalJob(handles[0] as LoadedProgram, job.memory, jobSignal.giveWay)
  let turns = 0
  for (let idle = 0; idle < handles.length; turns++) {
    const handle = handles[turns % handles.length] as LoadedProgram
    const outcome = join(handle, job, { seat: turns % handles.length, epoch: epoch++, slice: 1 })
    idle = outcome === 'idle' ? idle + 1 : 0
  }
  return turns
}

test('lanes that are put aside again and again keep their bits', async (t) => {
  for (const lanes of [1, 8, 16]) {
    const p = program(lanes)
    const handles = [load(p), load(p)]
    const [handle] = handles as [LoadedProgram]
    for (const batch of [0, 1, 7, 60_000]) {
      const expected = direct(handle, given(batch), sizes(batch), batch)
      for (const chunk of batch < 60_000 ? [1, 1 << 20] : [1 << 20]) {
        const job = open(handle, given(batch), sizes(batch), batch, { chunk })
        const turns = alternately(handles, job)
        t.ok(same(job.outputs, expected), `${String(lanes)} lanes, ${String(batch)} instances`)
        t.ok(batch < 60_000 || turns > 2, `${String(turns)} turns`)
        const { finished, crashed, iterations } = addon.readJob(handle, job.memory)
        t.strictSame([finished, crashed], [batch, 0])
        const alone = addon.runProgram(handle, given(batch), job.outputs, batch)
        t.equal(iterations, alone.iterations)
        const states = new Uint8Array(batch)
        addon.jobStates(handle, job.memory, states)
        t.ok(states.every((state) => state === instanceState.finished))
      }
    }
  }
})

test('so do those of compiled functions', async (t) => {
  for (const { name, fn, inputs } of programs) {
    for (const lanes of [1, 8]) {
      const batch = lanes === 1 ? 40 : 400
      const { ready, inputs: data } = jobsOf(fn, { lanes }).job(inputs(batch))
      const { bytes: words, constants, outputs } = ready.program
      const handles = [0, 1].map(() =>
        addon.loadProgram(
          words,
          constants.map((x) => x.data),
        ),
      )
      const lengths = outputs.map(({ uniform, shape }) => shape.reduce((a, b) => a * b, uniform ? 1 : batch))
      const expected = direct(handles[0] as LoadedProgram, data, lengths, batch)
      const job = open(handles[0] as LoadedProgram, data, lengths, batch, { chunk: 1 })
      alternately(handles, job)
      t.ok(same(job.outputs, expected), `${name}, ${String(lanes)} lanes`)
    }
  }
})

test('what a lost thread held is computed again, once', async (t) => {
  for (const lanes of [1, 8]) {
    const handle = load(program(lanes))
    const batch = 20
    const expected = direct(handle, given(batch), sizes(batch), batch)
    const job = open(handle, given(batch), sizes(batch), batch)
    // After the first stage's instances, one check each tile, in the midst of the loop.
    const faultAfter = Math.ceil(batch / lanes) + 5
    const dead = { seat: 1, epoch: epoch++ }
    t.equal(join(handle, job, { ...dead, faultAfter }), 'fault')
    const other = addon.putBack(handle, job.memory, job.uniform, 0, dead.epoch)
    t.equal(other, 0, 'another seat held nothing')
    t.equal(addon.putBack(handle, job.memory, job.uniform, 1, dead.epoch + 1), 0, 'nor did another epoch')
    t.equal(addon.putBack(handle, job.memory, job.uniform, 1, dead.epoch), lanes)
    t.equal(addon.putBack(handle, job.memory, job.uniform, 1, dead.epoch), 0, 'put back already')
    const states = new Uint8Array(batch)
    addon.jobStates(handle, job.memory, states)
    t.equal(states.filter((state) => state === instanceState.putBack).length, lanes)
    if (lanes === 1) {
      t.equal(join(handle, job, { seat: 0, epoch: epoch++ }), 'idle')
      t.ok(same(job.outputs, expected))
      continue
    }
    const again = { seat: 0, epoch: epoch++ }
    // Those that were put back come first, into a tile of their own.
    t.equal(join(handle, job, { ...again, faultAfter: 1 + 5 }), 'fault')
    const lost = addon.putBack(handle, job.memory, job.uniform, 0, again.epoch)
    t.ok(lost > 0)
    const { crashed } = addon.readJob(handle, job.memory)
    addon.jobStates(handle, job.memory, states)
    t.equal(states.filter((state) => (state & instanceState.crashed) !== 0).length, crashed)
    t.ok(crashed <= lost)
    t.equal(join(handle, job, { seat: 0, epoch: epoch++ }), 'idle')
    t.equal(addon.readJob(handle, job.memory).finished, batch - crashed)
    addon.jobStates(handle, job.memory, states)
    for (let i = 0; i < batch; i++) {
      if (((states[i] as number) & instanceState.crashed) !== 0) continue
      t.equal(job.outputs[0]?.[i], expected[0]?.[i])
    }
  }
  // One instance, lost twice.
  const handle = load(program(8))
  const job = open(handle, [new Float64Array([0.9]), new Float64Array([1e9])], [1, 1, 1], 1)
  for (const left of [1, 1]) {
    const turn = { seat: 0, epoch: epoch++, faultAfter: 6 }
    t.equal(join(handle, job, turn), 'fault')
    t.equal(addon.putBack(handle, job.memory, job.uniform, 0, turn.epoch), left)
  }
  t.match(addon.readJob(handle, job.memory), { finished: 0, crashed: 1 })
  const states = new Uint8Array(1)
  addon.jobStates(handle, job.memory, states)
  t.equal(states[0], instanceState.putBack | instanceState.crashed)
  t.equal(join(handle, job, { seat: 0, epoch: epoch++ }), 'idle')
  t.equal(job.outputs[0]?.[0], -7, 'nothing is written for it')
})

test('counters and signals', async (t) => {
  const handle = load(program(8))
  const batch = 30
  const job = open(handle, given(batch), sizes(batch), batch)
  addon.signalJob(handle, job.memory, jobSignal.abort)
  t.equal(join(handle, job, { seat: 0, epoch: epoch++ }), 'aborted')
  t.equal(addon.readJob(handle, job.memory).finished, 0)
  addon.signalJob(handle, job.memory, jobSignal.go)
  t.equal(join(handle, job, { seat: 0, epoch: epoch++, tallied: 1 }), 'idle')
  const { tally, beats, finished } = addon.readJob(handle, job.memory)
  t.equal(finished, batch)
  const codes = Array.from({ length: 16 }, (_, code) => job.outputs[1]?.filter((x) => x === code).length)
  t.strictSame(tally, codes)
  t.equal(beats.length, 2)
  t.ok((beats[0] ?? 0) > 0 && beats[1] === 0)
  // A job that ended has nothing to do.
  t.equal(join(handle, job, { seat: 1, epoch: epoch++ }), 'idle')
  t.equal(addon.readJob(handle, job.memory).finished, batch)
  // What one job computed of the uniform values another one may keep: its own input is not read for them.
  const kept = bytes(job.plan.memoryBytes)
  addon.openJob(handle, kept, job.uniform, {
    batch,
    seats: 2,
    positions: job.plan.positions,
    keepUniform: true,
  })
  const outputs = sizes(batch).map((n) => new Float64Array(n))
  addon.joinJob(handle, kept, job.uniform, [new Float64Array([0.5]), thetas(batch)], outputs, {
    seat: 0,
    epoch: epoch++,
  })
  t.equal(outputs[2]?.[0], 1.8)
})

const kinds: readonly unknown[] = [
  ...[undefined, null, true, 'text', Symbol('s'), 10n, {}, [], () => 0],
  ...[new Float64Array(3), new Uint8Array(0), new Uint8Array(8), new Int8Array(4096), new ArrayBuffer(4096)],
  new Proxy({}, {}),
]
const numbers: readonly unknown[] = [-1, 0.5, NaN, Infinity, 2 ** 60, '1', 1n]

test('wrong arguments of every kind', async (t) => {
  const handle = load(program(8))
  const batch = 10
  const job = open(handle, given(batch), sizes(batch), batch)
  const { memory, uniform, inputs, outputs, plan } = job
  const setUp = { batch, seats: 2, positions: plan.positions }
  const turn = { seat: 0, epoch: 0 }
  const functions: Readonly<Record<string, readonly unknown[]>> = {
    planJob: [handle, batch, 2, 1 << 20],
    openJob: [handle, memory, uniform, setUp],
    joinJob: [handle, memory, uniform, inputs, outputs, turn],
    signalJob: [handle, memory, 0],
    putBack: [handle, memory, uniform, 0, 0],
    readJob: [handle, memory],
    jobStates: [handle, memory, new Uint8Array(batch)],
  }
  const call = (name: string, args: readonly unknown[]): unknown =>
    (addon as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]?.(...args)
  const refused = (name: string, args: readonly unknown[], what: string): void => {
    try {
      call(name, args)
      t.fail(`${name}, ${what}: accepted`)
    } catch (error) {
      const { code } = error as OnestepError
      if (code !== 'ERR_ARGUMENT' && code !== 'ERR_UNKNOWN_OPTION')
        t.fail(`${name}, ${what}: ${String(error)}`)
    }
  }
  for (const [name, args] of Object.entries(functions)) {
    t.doesNotThrow(() => call(name, args), name)
    refused(name, [], 'nothing')
    args.forEach((good, k) => {
      const legal = (x: unknown): boolean =>
        // Only these are options or lists that have what is needed.
        (typeof good === 'number' && typeof x === 'number') || (good instanceof Uint8Array && x === good)
      for (const bad of [...kinds, ...(typeof good === 'number' ? numbers : [])]) {
        if (legal(bad) && Number.isInteger(bad) && (bad as number) >= 0 && (bad as number) < 2 ** 53) continue
        refused(
          name,
          args.map((x, i) => (i === k ? bad : x)),
          `argument ${String(k)} = ${typeof bad}`,
        )
      }
    })
  }
  const options: readonly (readonly [string, readonly unknown[], number])[] = [
    ['openJob', functions['openJob'] as readonly unknown[], 3],
    ['joinJob', functions['joinJob'] as readonly unknown[], 5],
  ]
  const names = {
    openJob: ['batch', 'seats', 'positions'],
    joinJob: ['seat', 'epoch', 'slice', 'tallied', 'blasThreads', 'faultAfter'],
  }
  for (const [name, args, k] of options) {
    const withOption = (option: object): readonly unknown[] =>
      args.map((x, i) => (i === k ? Object.assign(Object.create(null) as object, x, option) : x))
    for (const option of names[name as keyof typeof names]) {
      for (const bad of [...kinds.slice(1), ...numbers]) refused(name, withOption({ [option]: bad }), option)
    }
    refused(name, withOption({ unknown: 1 }), 'an unknown option')
    const thrown = new Error('a getter')
    const getter = Object.defineProperty({}, Object.keys(args[k] as object)[0] as string, {
      enumerable: true,
      get: () => {
        throw thrown
      },
    })
    t.throws(
      () =>
        call(
          name,
          args.map((x, i) => (i === k ? getter : x)),
        ),
      thrown,
    )
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw thrown
        },
      },
    )
    t.throws(
      () =>
        call(
          name,
          args.map((x, i) => (i === k ? hostile : x)),
        ),
      thrown,
    )
  }
  // Numbers that fit no job.
  for (const [name, args, what] of [
    ['planJob', [handle, 2 ** 32 + 1, 1, 1], 'too many instances'],
    ['planJob', [handle, 1, 0, 1], 'no seats'],
    ['planJob', [handle, 1, 1024, 1], 'too many seats'],
    ['planJob', [handle, 1, 1, 0], 'no bytes'],
    ['openJob', [handle, memory, uniform, { ...setUp, positions: 0 }], 'no positions'],
    [
      'openJob',
      [handle, memory, uniform, { ...setUp, positions: 2 ** 30 }],
      'more positions than are of use',
    ],
    [
      'openJob',
      [handle, memory, uniform, { ...setUp, batch: 1 << 20 }],
      'more instances than there is memory for',
    ],
    ['openJob', [handle, memory.subarray(0, -128), uniform, setUp], 'too small memory'],
    ['openJob', [handle, memory, uniform.subarray(0, 64), setUp], 'too small uniform memory'],
    ['joinJob', [handle, memory, uniform, inputs, outputs, { ...turn, seat: 2 }], 'a seat that is not there'],
    ['joinJob', [handle, memory, uniform, inputs, outputs, { ...turn, seat: 1023 }], 'a seat of nobody'],
    [
      'joinJob',
      [handle, memory, uniform, inputs, outputs, { ...turn, tallied: 3 }],
      'an output that is not there',
    ],
    ['joinJob', [handle, memory, uniform, inputs.slice(1), outputs, turn], 'an input too few'],
    ['joinJob', [handle, memory, uniform, inputs, [...outputs, outputs[0]], turn], 'an output too many'],
    [
      'joinJob',
      [handle, memory, uniform, inputs, [outputs[0], new Float64Array(9), outputs[2]], turn],
      'a short output',
    ],
    ['joinJob', [handle, memory, uniform, [inputs[0], new Float64Array(11)], outputs, turn], 'a long input'],
    [
      'joinJob',
      [handle, memory.subarray(64), uniform, inputs, outputs, turn],
      'memory from somewhere within',
    ],
    ['joinJob', [handle, memory.subarray(0, -128), uniform, inputs, outputs, turn], 'memory that was cut'],
    [
      'joinJob',
      [handle, bytes(memory.length), uniform, inputs, outputs, turn],
      'memory that was never set up',
    ],
    ['signalJob', [handle, memory, 3], 'an unknown signal'],
    ['putBack', [handle, memory, uniform, 1023, 0], 'a seat that cannot be'],
    ['jobStates', [handle, memory, new Uint8Array(batch - 1)], 'room for fewer states'],
    ['jobStates', [handle, memory, new Uint8Array(batch + 1)], 'room for more states'],
  ] as readonly (readonly [string, readonly unknown[], string])[]) {
    refused(name, args, what)
  }
  // None of this has touched the job.
  addon.openJob(handle, memory, uniform, setUp)
  t.equal(join(handle, job, { seat: 0, epoch: epoch++ }), 'idle')
  t.ok(same(job.outputs, direct(handle, given(batch), sizes(batch), batch)))
})

test('memory of another job, another Program, or nobody', async (t) => {
  const [wide, narrow] = [load(program(16)), load(program(8))]
  const p = new Assembler(8)
  const [x, y] = [p.lane([]), p.lane([])]
  p.straightStage(
    { loads: [[p.slot('input', []), x]], stores: [[y, p.slot('output', [])]] },
    p.apply('abs', [x], y),
  )
  const other = load(p)
  const batch = 12
  const job = open(narrow, given(batch), sizes(batch), batch)
  const refused = { code: 'ERR_ARGUMENT' }
  for (const [name, handle] of [
    ['more lanes', wide],
    ['another Program', other],
  ] as const) {
    t.throws(() => addon.readJob(handle, job.memory), refused, name)
    t.throws(() => {
      addon.signalJob(handle, job.memory, 0)
    }, refused)
    t.throws(() => addon.putBack(handle, job.memory, bytes(4096), 0, 0), refused)
    t.throws(() => {
      addon.jobStates(handle, job.memory, new Uint8Array(batch))
    }, refused)
  }
  // Memory that another job has taken over meanwhile is that job's.
  addon.openJob(narrow, job.memory, job.uniform, { batch: 3, seats: 1, positions: 3 })
  t.throws(() => join(narrow, job, { seat: 0, epoch: 0 }), refused, 'inputs of another size')
  // A getter that takes the memory away.
  const own = new Uint8Array(job.plan.memoryBytes)
  addon.openJob(narrow, own, job.uniform, { batch, seats: 2, positions: job.plan.positions })
  const turn = {
    get seat() {
      structuredClone(own.buffer, { transfer: [own.buffer] })
      return 0
    },
    epoch: 0,
  }
  t.throws(() => join(narrow, { ...job, memory: own }, turn), refused, 'detached while it is read')
  const setUp = {
    get batch() {
      structuredClone(second.buffer, { transfer: [second.buffer] })
      return batch
    },
    seats: 2,
    positions: job.plan.positions,
  }
  const second = new Uint8Array(job.plan.memoryBytes)
  t.throws(() => {
    addon.openJob(narrow, second, job.uniform, setUp)
  }, refused)
})
