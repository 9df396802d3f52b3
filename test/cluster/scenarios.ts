// What may happen to a study on many machines, over each of the brokers. Whatever it is: every chunk has exactly one valid file, and every
// row is there once.
import t from 'tap'
import type { Test } from 'tap'
import type { TestServer } from '../harness/server.js'
import { end } from '../harness/server.js'
import { setTimeout as sleep } from 'node:timers/promises'
import { Site } from './site.js'
import { faults } from './study.js'

export interface BrokerUnderTest {
  readonly name: string
  readonly start: () => Promise<TestServer>
  /** Why it cannot be tested here. */
  readonly missing: string | undefined
}

type Body = (t: Test, site: Site) => Promise<void>

/** The scenarios, by name. */
const scenarios: Readonly<Record<string, Body>> = {
  'two workers without a shared folder': async (t, site) => {
    const run = await site.study({ chunks: 20, blobBytes: 9_000_000 })
    site.worker({ cache: `${site.folder}/a`, ms: 20 })
    site.worker({ cache: `${site.folder}/b`, ms: 20 })
    const outcome = await site.coordinate(await site.broker(), run)
    t.strictSame(outcome, { complete: true, failed: [], chunks: 20, done: 20 })
    t.strictSame(await faults(run), [])
    t.equal(new Set(site.log('begin').map((line) => line.split(' ')[1])).size, 2, 'both have worked')
  },
  'three workers are killed': async (t, site) => {
    const run = await site.study({ chunks: 40 })
    const outcome = site.coordinate(await site.broker(), run)
    let worker = site.worker()
    site.worker()
    for (const chunks of [5, 12, 20]) {
      await site.reach(run, chunks)
      await end(worker)
      worker = site.worker()
    }
    t.equal((await outcome).complete, true)
    t.strictSame(await faults(run), [])
  },
}

/** Runs all of them. */
export const runScenarios = ({ name, start, missing }: BrokerUnderTest): void => {
  for (const [what, body] of Object.entries(scenarios)) {
    void t.test(`${name}: ${what}`, missing === undefined ? {} : { skip: missing }, async (t) => {
      const site = await Site.open(start)
      t.teardown(() => site[Symbol.asyncDispose]())
      await body(t, site)
    })
  }
}
void sleep
