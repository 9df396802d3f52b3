// Shared memory: every byte is reported, and comes back when it is discarded.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import type * as Memory from '../../lib/base/memory.js'
import { full } from '../../lib/base/ndarray.js'
import { native } from '../../lib/runtime/native.js'

const events = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('every byte is reported when it is made and when it is free', async (t) => {
  // A copy of the module for this test alone.
  const fresh = '../../lib/base/memory.js?fresh'
  const { allocate, allocateBytes, setMemoryPressure } = (await import(fresh)) as typeof Memory
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held: unknown[] = [allocate(10)]
  const reports: number[] = []
  setMemoryPressure((bytes) => reports.push(bytes))
  t.strictSame(reports, [80], 'what was made before anybody counted')
  held.push(allocateBytes(100), allocate(0))
  t.strictSame(reports, [80, 100], 'nothing for nothing')
  held.length = 0
  const free = (): boolean => reports.reduce((total, bytes) => total + bytes) === 0
  for (let i = 0; i < 100 && !free(); i++) {
    collect()
    await events()
  }
  t.strictSame(
    reports.slice(2).sort((a, b) => a - b),
    [-100, -80],
  )
})

test('discarded arrays do not pile up', async (t) => {
  native()
  const limit = 400e6
  const start = process.memoryUsage.rss()
  let most = 0
  // Filled, since pages that nobody wrote to are not resident; stopped at the limit, so that a leak does no harm.
  for (let i = 0; i < 10_000 && most < limit; i++) {
    full([131_072], 1)
    if (i % 10 === 0) {
      await events()
      most = Math.max(most, process.memoryUsage.rss() - start)
    }
  }
  t.ok(most < limit, `10,000 arrays of 1 MiB took ${(most / 1e6).toFixed(0)} MB at most`)
})
