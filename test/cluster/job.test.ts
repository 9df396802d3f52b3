// What stands in the queue is checked before anything is done with it.
import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { checkJob, checkJobAgainst, chunkOfId, jobId, jobOf } from '../../lib/cluster/job.js'
import { makeStudy } from './study.js'

test('names of jobs go there and back', async (t) => {
  const study = fc.stringMatching(/^[0-9a-f]{16}$/)
  fc.assert(
    fc.property(study, fc.nat({ max: 1e12 }), (id, chunk) => {
      const back = chunkOfId(jobId({ study: id, chunk }))
      return back?.study === id && back.chunk === chunk
    }),
  )
  t.notMatch(jobId({ study: '0123456789abcdef', chunk: 12 }), ':')
  for (const id of [
    '',
    '12',
    'repeat:x',
    '0123456789abcdef-12',
    '0123456789abcdef-000012-1',
    '../../x-000012',
  ]) {
    t.equal(chunkOfId(id), undefined, id)
  }
})

test('a job is what its study says, and holds no code and no data', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-job-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const { manifest, manifestHash } = await makeStudy(join(folder, 'run'), { chunks: 4 })
  const job = jobOf(manifest, manifestHash, 3)
  t.strictSame(job, {
    version: 1,
    study: manifest.id,
    manifest: manifestHash,
    programs: manifest.variants[0]?.programs,
    kind: 'map',
    chunk: 3,
    lo: 30,
    hi: 37,
  })
  const copy: unknown = JSON.parse(JSON.stringify(job))
  t.strictSame(checkJob(copy), job)
  t.doesNotThrow(() => {
    checkJobAgainst(checkJob(copy), manifest)
  })
  const broken: readonly unknown[] = [
    undefined,
    null,
    'job',
    [],
    { ...job, version: 2 },
    { ...job, study: '../../../etc' },
    { ...job, manifest: 'f'.repeat(63) },
    { ...job, manifest: ['f'.repeat(64)] },
    { ...job, programs: 'all' },
    { ...job, programs: ['../x'] },
    { ...job, kind: 'map; rm -r /' },
    { ...job, chunk: -1 },
    { ...job, chunk: 1.5 },
    { ...job, chunk: '3' },
    { ...job, lo: NaN },
    { ...job, lo: 37 },
    { ...job, hi: Infinity },
  ]
  for (const data of broken) t.throws(() => checkJob(data), { code: 'ERR_JOB' }, JSON.stringify(data))
  const other: readonly object[] = [
    { study: '0'.repeat(16) },
    { chunk: 4 },
    { lo: 29 },
    { hi: 36 },
    { kind: 'bench' },
    { programs: [] },
    { chunk: 2 },
  ]
  for (const change of other) {
    t.throws(
      () => {
        checkJobAgainst({ ...job, ...change }, manifest)
      },
      { code: 'ERR_JOB' },
      JSON.stringify(change),
    )
  }
})
