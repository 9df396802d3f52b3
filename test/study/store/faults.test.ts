// Every call to the disk fails once, or for good, or is the last before the process or the power goes. Afterwards there is the old
// state or the new one, never a torn one, never a row less than was reported as stored, and the work goes on.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Fault } from './faultyFiles.js'
import type { FaultReport, FaultTask } from './faultWorker.js'

const everyCall = async (task: FaultTask): Promise<FaultReport> => {
  const worker = new Worker(new URL('./faultWorker.js', import.meta.url), { workerData: task })
  const [report] = (await once(worker, 'message')) as [FaultReport]
  await worker.terminate()
  return report
}

const soak = process.env['ONESTEP_SOAK'] !== undefined

const errnos = ['ENOSPC', 'EIO', 'EROFS', 'EACCES', 'EMFILE', 'ENAMETOOLONG']

const failures = (lasting: boolean): Fault[] => errnos.map((errno) => ({ kind: 'error', errno, lasting }))

/** Each code by itself at every call in the soak run; else they take turns, each at every sixth call. */
const errors = [false, true].flatMap((lasting): [string, Fault[]][] => {
  const name = lasting ? 'each call and all after it fail' : 'each call fails'
  return soak
    ? failures(lasting).map((fault, i) => [`${name}: ${errnos[i] as string}`, [fault]])
    : [[name, failures(lasting)]]
})

const faults: readonly (readonly [string, readonly Fault[], seed?: number])[] = [
  ...errors,
  ['short reads and writes', [{ kind: 'short' }]],
  ['the process dies', [{ kind: 'crash' }]],
  ...Array.from({ length: soak ? 50 : 2 }, (_, i): [string, Fault[], number] => [
    `the power goes, seed ${String(i + 1)}`,
    [{ kind: 'crash' }],
    i + 1,
  ]),
]

for (const [name, links, prepared] of [
  ['a new run', true, false],
  ['a damaged file', true, true],
  ['a disk without links', false, true],
] as const) {
  t.test(name, async (t) => {
    for (const [what, each, seed] of faults) {
      const { calls, wrong } = await everyCall({
        links,
        prepared,
        faults: each,
        ...(seed === undefined ? {} : { seed }),
      })
      t.strictSame(wrong.slice(0, 5), [], what)
      t.ok(calls > 100, `${String(calls)} calls`)
    }
  })
}
