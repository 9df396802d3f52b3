// Run directories on a real disk: made, gone on with, filled, read; damaged files are refused and kept aside.
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import type { Manifest } from '../../../lib/study/store/manifest.js'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import { createRun, openRun } from '../../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleChunk, sampleManifest } from './sampleRun.js'

const root = await mkdtemp(join(tmpdir(), 'onestep-store-'))
t.teardown(() => rm(root, { recursive: true, force: true }))
let count = 0
const fresh = (): string => join(root, `run-${String(count++)}`)

const create = (dir: string, manifest: Manifest): Promise<RunDirectory> =>
  createRun(dir, manifest, { blobs: sampleBlobs, files: { 'study.yaml': 'name: sample\n' } })

const publish = async (run: RunDirectory, chunk: number): Promise<'written' | 'kept'> => {
  const { identity, block } = sampleChunk(run.manifest, chunk)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk(identity, block))
  return run.publish(chunk, part)
}

t.test('made, filled, read', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const chunks = chunkCount(run.manifest)
  t.equal(chunks, 6)
  for (const chunk of [5, 0, 3, 1]) t.equal(await publish(run, chunk), 'written')
  t.equal(await publish(run, 3), 'kept')
  t.strictSame(Array.from(await run.done()), [1, 1, 0, 1, 0, 1])
  const again = await openRun(run.dir)
  t.strictSame(Array.from(await again.done({ verify: true })), [1, 1, 0, 1, 0, 1])
  t.strictSame(again.manifest, run.manifest)
  t.equal(again.manifestHash, run.manifestHash)
  t.strictSame(
    Buffer.from(await again.blob(run.manifestHash)),
    await readFile(join(run.dir, 'manifest.json')),
  )
  for (const chunk of [0, 1, 3, 5]) {
    t.strictSame(await again.readChunk(chunk), sampleChunk(run.manifest, chunk).block)
  }
  await t.rejects(again.readChunk(2), { code: 'ERR_CHUNK_MISSING', message: /resume/ })
  const seen: number[] = []
  for await (const block of again.blocks({ columns: ['index', 'value'] })) {
    t.strictSame(
      block.columns.map(({ name }) => name),
      ['index', 'value'],
    )
    seen.push(...(block.data[0] as Float64Array))
  }
  t.strictSame(seen, [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 18, 19])
  t.strictSame((await readdir(join(run.dir, 'chunks'))).length, 4, 'no part is left')
  t.equal(await readFile(run.path('study.yaml'), 'utf8'), 'name: sample\n')
})

t.test('damaged files are refused and kept aside', async (t) => {
  const damages: readonly (readonly [string, (path: string, bytes: Buffer) => Promise<void>])[] = [
    ['torn', (path, bytes) => writeFile(path, bytes.subarray(0, bytes.length / 2))],
    ['empty', (path) => writeFile(path, '')],
    [
      'a flipped bit',
      (path, bytes) =>
        writeFile(
          path,
          bytes.map((x, i) => (i === 700 ? x ^ 4 : x)),
        ),
    ],
    ['of another chunk', async (path) => copyFile(path.replace('000001', '000000'), path)],
    [
      'a symbolic link',
      async (path) => {
        await rm(path)
        await symlink(path.replace('000001', '000000'), path)
      },
    ],
    [
      'a folder',
      async (path) => {
        await rm(path)
        await mkdir(path)
      },
    ],
  ]
  for (const [name, damage] of damages) {
    const { dir } = await create(fresh(), sampleManifest())
    const run = await openRun(dir)
    for (const chunk of [0, 1]) await publish(run, chunk)
    const path = run.chunkPath(1)
    const bytes = await readFile(path)
    const aside = async (): Promise<string[]> => readdir(join(dir, 'quarantine'))

    await damage(path, bytes)
    await t.rejects((await openRun(dir)).readChunk(1), { code: 'ERR_CHUNK' }, name)
    t.equal((await aside()).length, 2, 'the file and the reason')
    const reason = (await aside()).find((entry) => entry.endsWith('.txt')) as string
    t.match(await readFile(join(dir, 'quarantine', reason), 'utf8'), /^2\d\d\d-.*000001\.chunk/)
    t.equal(await publish(run, 1), 'written')

    await damage(path, bytes)
    t.strictSame(Array.from(await (await openRun(dir)).done({ verify: true })).slice(0, 2), [1, 0])
    t.equal((await aside()).length, 4)
    t.equal(await publish(run, 1), 'written')

    // Whoever publishes over it finds out, too.
    await damage(path, bytes)
    t.equal(await publish(run, 1), 'written')
    t.equal((await aside()).length, 6)
    t.strictSame(await run.readChunk(1), sampleChunk(run.manifest, 1).block)
    t.equal(await run.quarantine(1, 'a false alarm'), false)
    t.equal((await aside()).length, 6, 'a valid file comes back')
    t.equal((await run.done())[1], 1)
  }
})

t.test('a part that is not the chunk', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const { identity, block } = sampleChunk(run.manifest, 2)
  for (const pieces of [
    encodeChunk({ ...identity, manifestId: 'ffffffffffffffff' }, block),
    encodeChunk({ ...identity, chunk: 3 }, block),
    encodeChunk(identity, block).slice(0, -1),
  ]) {
    const part = run.partPath(2)
    await writePart(part, pieces)
    await t.rejects(run.publish(2, part), { code: 'ERR_CHUNK' })
  }
  t.equal((await readdir(join(run.dir, 'quarantine'))).length, 6)
  t.strictSame(await readdir(join(run.dir, 'chunks')), [])
  await t.rejects(run.publish(2, join(run.dir, 'chunks', 'none')), { code: 'ERR_PATH' })
  for (const chunk of [-1, 6, 0.5, NaN]) t.throws(() => run.partPath(chunk), { code: 'ERR_ARGUMENT' })
})

t.test('many at once: one writes, all agree', async (t) => {
  const dir = fresh()
  const runs = await Promise.all(Array.from({ length: 8 }, () => create(dir, sampleManifest())))
  const outcomes = await Promise.all(runs.map((run) => publish(run, 4)))
  t.strictSame(outcomes.filter((x) => x === 'written').length, 1)
  // A damaged file, and eight that want to replace it.
  await writeFile((runs[0] as RunDirectory).chunkPath(4), 'garbage')
  await Promise.all(runs.map((run) => publish(run, 4)))
  const run = await openRun(dir)
  t.strictSame(await run.readChunk(4), sampleChunk(run.manifest, 4).block)
  t.strictSame(await readdir(join(dir, 'chunks')), ['000004.chunk'])
})

t.test('another study is refused with the difference', async (t) => {
  const dir = fresh()
  await create(dir, sampleManifest())
  const before = await readFile(join(dir, 'manifest.json'))
  const other = sampleManifest({ id: 'aaaaaaaaaaaaaaaa', seed: 8, thetas: 12 })
  const error: unknown = await create(dir, other).catch((x: unknown) => x)
  t.match(error, { code: 'ERR_STUDY_CHANGED', message: /seed: 7 → 8[\s\S]*new folder/ })
  t.match(error, { message: /count: 10 → 12/ })
  const traced = { ...sampleManifest({ id: 'bbbbbbbbbbbbbbbb' }), onestep: '0.2.0' }
  await t.rejects(create(dir, traced), { message: /version of onestep: 0\.1\.0 → 0\.2\.0/ })
  const [first, second = first] = sampleManifest().variants
  const programs = {
    ...sampleManifest({ id: 'cccccccccccccccc' }),
    variants: [first, { ...second, programs: [sampleManifest().blobs[1] as string] }],
  } as Manifest
  await t.rejects(create(dir, programs), { message: /programs of 1 of 2 variants \(first: variant 1\)/ })
  t.strictSame(await readFile(join(dir, 'manifest.json')), before)
  // Two coordinators with different studies: one of them gets the folder.
  const contested = fresh()
  const ended = await Promise.allSettled([create(contested, sampleManifest()), create(contested, other)])
  t.strictSame(ended.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  // The same study measured elsewhere goes on with the chunks that there are.
  const again = await create(dir, { ...sampleManifest(), chunkRows: 5 })
  t.equal(again.manifest.chunkRows, 4)
  t.strictSame(Buffer.from(await again.blob(again.manifestHash)), before)
})

t.test('manifests that are none', async (t) => {
  const dir = fresh()
  await create(dir, sampleManifest())
  const text = await readFile(join(dir, 'manifest.json'), 'utf8')
  for (const [change, code, message] of [
    [() => '', 'ERR_MANIFEST', /no manifest/],
    [() => '{}', 'ERR_MANIFEST', /onestep study/],
    [() => text.slice(0, -20), 'ERR_MANIFEST', /no JSON/],
    [() => text.replace('"version":1', '"version":2'), 'ERR_VERSION', /later version.*Install/],
    [() => text.replace('"version":1', '"version":"x"'), 'ERR_MANIFEST', /without a version/],
    [() => text.replace('"rows":20', '"rows":21'), 'ERR_MANIFEST', /rows.*Expected 20/],
    [() => text.replace('"chunkRows":4', '"chunkRows":0'), 'ERR_MANIFEST', /chunkRows/],
    [() => text.replace('"thetas":10', '"thetas":1e300'), 'ERR_MANIFEST', /thetas/],
    [() => text.replace(/"id":"\w+"/, '"id":"../../etc"'), 'ERR_MANIFEST', /id/],
    [() => text.replace(/"blobs":\["\w+"/, '"blobs":["../x"'), 'ERR_MANIFEST', /blobs/],
    [() => text.replace('"kind":"code"', '"kind":"text"'), 'ERR_MANIFEST', /columns/],
  ] as const) {
    await writeFile(join(dir, 'manifest.json'), change())
    await t.rejects(openRun(dir), { code, message })
  }
  await t.rejects(openRun(fresh()), { code: 'ERR_NO_RUN', message: /onestep run/ })
})

t.test('names that lead elsewhere', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const hash = run.manifestHash
  const hostile = [
    '',
    '.',
    '..',
    '../x',
    'x/../y',
    '/etc/passwd',
    'x//y',
    'x/',
    './x',
    '.hidden',
    'x/.y',
    '~',
    '~/x',
    'x\0',
    '\0',
    'x\ny',
    'a b',
    'C:\\x',
    '..\\x',
    'x\\y',
    '%2e%2e/x',
    '%00',
    'x%2fy',
    '$HOME',
    '`x`',
    '-x',
    '-rf',
    'é',
    '．．',
    '‮x',
    'x:y',
    'con|x',
    'x*',
    'x?',
    '"x"',
    "'x'",
    '<x>',
    'x;y',
    'x&y',
    '#x',
    '!x',
    '(x)',
    '[x]',
    '{x}',
    'x=y',
    'x+y',
    'x@y',
    'x,y',
    'x'.repeat(201),
    Array(10).fill('x').join('/'),
    '…',
    '\u202e',
    ' x',
    'x ',
    '\tx',
  ]
  t.ok(hostile.length >= 50)
  for (const name of hostile) {
    t.throws(() => run.path(name), { code: 'ERR_ARGUMENT' }, JSON.stringify(name))
    await t.rejects(async () => run.blob(name), { code: 'ERR_ARGUMENT' })
  }
  await t.rejects(async () => run.blob(hash.toUpperCase()), { code: 'ERR_ARGUMENT' })
  t.equal(run.path('logs/a.b-c_d.txt'), join(run.dir, 'logs', 'a.b-c_d.txt'))
})

t.test('blobs', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const bytes = Buffer.from('some bytes')
  const hash = await run.putBlob(bytes)
  t.equal(await run.putBlob(bytes), hash)
  t.strictSame(Buffer.from(await run.blob(hash)), bytes)
  await writeFile(join(run.dir, 'blobs', hash), 'other bytes')
  await t.rejects(run.blob(hash), { code: 'ERR_BLOB' })
  await t.rejects(run.blob(hash), { code: 'ERR_BLOB_MISSING', message: /traced/ })
  await run.putBlob(bytes)
  await writeFile(join(run.dir, 'blobs', hash), 'other bytes')
  await run.putBlob(bytes)
  t.strictSame(Buffer.from(await run.blob(hash)), bytes)
  t.equal((await readdir(join(run.dir, 'quarantine'))).length, 4)
  await t.rejects(createRun(fresh(), sampleManifest(), { blobs: new Map() }), { code: 'ERR_ARGUMENT' })
})

t.test('sweep', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const chunks = join(run.dir, 'chunks')
  const mine = run.partPath(0)
  await writeFile(mine, 'in work')
  // One of a process of this machine that is gone, one of another machine.
  const dead = basename(run.partPath(1)).replace(`-${String(process.pid)}-`, '-999999999-')
  const other = basename(run.partPath(2)).replace(/\.[0-9a-f]{8}-/, '.00000000-')
  for (const name of [dead, other, '.keep', 'notes.part']) await writeFile(join(chunks, name), '')
  t.equal(await run.sweep(), 1)
  t.strictSame((await readdir(chunks)).sort(), [basename(mine), other, '.keep', 'notes.part'].sort())
  t.equal(await run.sweep({ olderThan: -1000 }), 2)
  t.strictSame((await readdir(chunks)).sort(), ['.keep', 'notes.part'])
})

t.test('a disk of one megabyte', async (t) => {
  const dir = fresh()
  await mkdir(dir)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
  // Where mounting is not permitted the simulated disk of faults.test.ts has been full instead.
  if (status !== 0) {
    t.pass('mounting is not permitted here')
    return
  }
  try {
    const manifest = sampleManifest({ thetas: 40_000, chunkRows: 1000, variants: 1 })
    const run = await create(join(dir, 'run'), manifest)
    const stored: number[] = []
    const error: unknown = await (async () => {
      for (let chunk = 0; chunk < 40; chunk++) {
        await publish(run, chunk)
        stored.push(chunk)
      }
      return undefined
    })().catch((x: unknown) => x)
    t.match(error, { code: 'ERR_DISK_FULL', message: /the disk is full.*Make room/ })
    t.ok(stored.length > 5 && stored.length < 40, `${String(stored.length)} chunks`)
    const done = await (await openRun(run.dir)).done({ verify: true })
    t.strictSame(
      [...done.keys()].filter((chunk) => done[chunk] === 1),
      stored,
    )
    const hidden = (await readdir(join(run.dir, 'chunks'))).filter((name) => name.startsWith('.'))
    t.strictSame(hidden, [], 'no part is left')
  } finally {
    t.equal(spawnSync('umount', [dir]).status, 0)
  }
})
