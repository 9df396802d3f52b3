// A descent that was left and gone on from gives the bits of one that never was: from every round, after an abort, and after its process
// was killed.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import {
  Pool,
  backtracking,
  checkpointText,
  domain,
  hypergradientDescent,
  implicit,
  optimizer,
  readCheckpoint,
} from '../../lib/index.js'
import { bitsOf } from './descentBits.js'
import { studied, studiedStarts } from './resumeChild.js'

const optimizers = {
  backtracking: optimizer.descent({ stepSize: backtracking({ initial: 4 }) }),
  nesterov: optimizer.nesterov({ stepSize: 0.5 }),
  adam: optimizer.adam({ stepSize: 0.1 }),
  lbfgs: optimizer.lbfgs(),
}

for (const [name, one] of Object.entries(optimizers)) {
  test(`${name}: gone on from each round, through text`, async (t) => {
    const options = { ...studied, optimizer: one, maxSteps: 7 }
    const texts: string[] = []
    const through = await hypergradientDescent({
      ...options,
      theta0: studiedStarts,
      onStep: ({ state }) => void texts.push(checkpointText(state())),
    })
    const last = texts[texts.length - 1]
    t.equal(bitsOf(through), last, 'the last checkpoint is the end')
    t.ok(texts.length > 7)
    for (const text of texts) {
      const resumed = await hypergradientDescent({ ...options, resume: readCheckpoint(text) })
      t.equal(bitsOf(resumed), last)
    }
    t.equal(texts[0], checkpointText(readCheckpoint(texts[0] as string)), 'a text is read to the last bit')
  })
}

test('the adjoint is part of what is gone on from', async (t) => {
  const problem = { ...studied.problem, strategy: implicit({ linearSolver: 'cg', tol: 1e-6 }) }
  const options = { ...studied, problem, optimizer: optimizers.adam, maxSteps: 6 }
  const texts: string[] = []
  const through = await hypergradientDescent({
    ...{ ...options, theta0: studiedStarts },
    onStep: ({ state }) => void texts.push(checkpointText(state())),
  })
  for (const text of texts) {
    const resumed = await hypergradientDescent({ ...options, resume: readCheckpoint(text) })
    t.equal(bitsOf(resumed), bitsOf(through))
  }
  // Another adjoint is another start, and shows in the bits.
  const state = readCheckpoint(texts[0] as string)
  state.columns.adjoint.data[0]?.fill(0)
  t.not(bitsOf(await hypergradientDescent({ ...options, resume: state })), bitsOf(through))
})

test('a state is not written on by the descent that goes on from it', async (t) => {
  const first = await hypergradientDescent({
    ...{ ...studied, theta0: studiedStarts, maxSteps: 20, optimizer: optimizers.lbfgs },
    signal: AbortSignal.abort(),
  })
  t.strictSame([...new Set(first.status)], ['running'])
  t.strictSame([...first.theta.data], [...studiedStarts], 'nothing was computed: θ is where it was')
  t.ok(first.value.every(Number.isNaN) && first.history.every(({ value }) => value.length === 0))
  const before = bitsOf(first)
  await hypergradientDescent({ ...studied, maxSteps: 20, optimizer: optimizers.lbfgs, resume: first.state })
  t.equal(bitsOf(first), before)
})

test('aborted between rounds and within one, here and in a pool', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const options = { ...studied, optimizer: optimizers.nesterov, maxSteps: 30 }
  const through = await hypergradientDescent({ ...options, theta0: studiedStarts })
  for (const executor of [undefined, pool]) {
    for (const delay of [undefined, 1, 10]) {
      const abort = new AbortController()
      const where = executor === undefined ? {} : { executor }
      const left = await hypergradientDescent({
        ...{ ...options, ...where, theta0: studiedStarts, signal: abort.signal },
        onStep: ({ round }) => {
          if (round !== 3) return
          if (delay === undefined) abort.abort()
          else setTimeout(() => abort.abort(), delay)
        },
      })
      if (delay === undefined) {
        t.ok(left.status.includes('running'))
        t.ok([...left.steps].every((k) => k <= 3))
      }
      const resumed = await hypergradientDescent({ ...options, ...where, resume: left.state })
      t.equal(bitsOf(resumed), bitsOf(through), `${executor ? 'pool' : 'here'}, ${String(delay)}`)
    }
  }
})

test('a process that is killed in the middle', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'checkpoint.json')
  const options = { ...studied, optimizer: optimizers.adam, maxSteps: 400 }
  const child = spawn(process.execPath, [fileURLToPath(new URL('./resumeChild.js', import.meta.url)), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const killed = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (_, signal) => {
      resolve(signal)
    })
  })
  // It says each round in which it has written a checkpoint.
  child.stdout.on('data', (text: Buffer) => {
    if (text.toString().includes('round 40\n')) child.kill('SIGKILL')
  })
  t.equal(await killed, 'SIGKILL')
  const state = readCheckpoint(readFileSync(file, 'utf8'))
  t.ok(state.status.includes(0), 'it was not at its end')
  t.ok([...state.steps].some((k) => k > 5))
  const resumed = await hypergradientDescent({ ...options, resume: state })
  const through = await hypergradientDescent({ ...options, theta0: studiedStarts })
  t.equal(bitsOf(resumed), bitsOf(through))
})

test('what is no checkpoint', async (t) => {
  const options = { ...studied, optimizer: optimizers.adam, maxSteps: 2 }
  const { state } = await hypergradientDescent({ ...options, theta0: studiedStarts })
  const text = checkpointText(state)
  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['cut', text.slice(0, -20), /no JSON/],
    ['empty', '', /no JSON/],
    ['something else', '{}', /cannot be read.*format/],
    ['a list', '[1]', /cannot be read.*format/],
    ['another version', text.replace('"version":2', '"version":1'), /version is 1/],
    ['another batch', text.replace('"batch":5', '"batch":6'), /no list of 6/],
    [
      'an unknown status',
      text.replace(/"status":\{"\$Uint8Array":\[\d/, '"status":{"$Uint8Array":[99'),
      /unknown status/,
    ],
    ['no column', text.replace('"u":', '"w":'), /column u does not fit/],
    ['numbers that are none', text.replace('{"$Int32Array":[', '{"$Int32Array":["x",'), /no number/],
    ['an unknown mark', text.replace('$Int32Array', '$Int16Array'), /unknown mark/],
  ]
  for (const [name, changed, message] of broken) {
    t.not(changed, text, `${name}: it was changed`)
    t.throws(() => readCheckpoint(changed), { message, code: 'ERR_DATA' }, name)
  }
  const go = async (given: object) => hypergradientDescent({ ...options, ...given } as never)
  await t.rejects(go({ resume: {} }), { message: /resume is no state/ })
  await t.rejects(go({ resume: state, theta0: studiedStarts }), {
    message: /exactly one of them, received both/,
  })
  await t.rejects(go({ resume: state, optimizer: optimizers.lbfgs }), {
    message: /Expected adam.*received L-BFGS/,
  })
  await t.rejects(go({ resume: state, domain: domain.box() }), {
    message: /domain\.logarithmic.*domain\.box/,
  })
  await t.rejects(go({ resume: state, domain: domain.logarithmic({ low: 1e-3 }) }), {
    message: /"high":1000\D.*"high":\{?"?.*Infinity/,
  })
  await t.rejects(go({ resume: state, optimizer: optimizer.adam({ stepSize: 0.2 }) }), {
    message: /adam .*"stepSize":0\.1.*received adam .*"stepSize":0\.2/,
  })
  // What is equal as data is equal, by whatever call it was made.
  const same = optimizer.adam({ beta1: 0.9, stepSize: 0.1, epsilon: 1e-8 })
  t.equal(
    bitsOf(await hypergradientDescent({ ...options, resume: state, optimizer: same })),
    text.trimEnd() + '\n',
  )
})
