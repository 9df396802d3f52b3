// Bytes beside the queue: in parts, under their hash, and never used when they are not what their name says.
import fc from 'fast-check'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { BlobCache, putBlobs } from '../../lib/cluster/blobs.js'
import { inParts } from '../../lib/cluster/objectStore.js'
import type { ObjectName, ObjectStore } from '../../lib/cluster/objectStore.js'
import { loadBullmq, loadPostgres, loadRedis } from '../../lib/cluster/packages.js'
import { blobHash } from '../../lib/study/store/blobStore.js'
import { makeStudy } from './study.js'

/** In memory. */
class MemoryStore implements ObjectStore {
  readonly content = new Map<string, Buffer>()
  fetched = 0

  private key({ group, name }: ObjectName): string {
    return `${group}/${name}`
  }
  async ping(): Promise<void> {}
  async put(at: ObjectName, content: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const piece of content) pieces.push(piece.slice())
    this.content.set(this.key(at), Buffer.concat(pieces))
  }
  async *parts(at: ObjectName): AsyncGenerator<Uint8Array | undefined, void, undefined> {
    this.fetched++
    yield this.content.get(this.key(at))
  }
  async touch(group: string, names: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(names.filter((name) => this.content.has(this.key({ group, name }))))
  }
  async list(): Promise<readonly []> {
    return []
  }
  async remove(at: ObjectName): Promise<void> {
    this.content.delete(this.key(at))
  }
  async close(): Promise<void> {}
}

const folderFor = (t: Test): string => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-blobs-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

test('parts are the same bytes, each of the size that was asked for but the last one', async () => {
  async function* pieces(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    // A stream that uses one buffer for all that it says.
    const buffer = new Uint8Array(64)
    for (const piece of all) {
      buffer.set(piece)
      yield buffer.subarray(0, piece.length)
    }
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 40 }),
      async (all, size) => {
        const parts: Buffer[] = []
        for await (const part of inParts(pieces(all), size)) parts.push(Buffer.from(part))
        const whole = Buffer.concat(parts).equals(Buffer.concat(all))
        return (
          whole && parts.every((part, i) => (i < parts.length - 1 ? part.length === size : part.length > 0))
        )
      },
    ),
  )
})

test('blobs are put once, fetched once, and put back', async (t) => {
  const folder = folderFor(t)
  const run = await makeStudy(join(folder, 'run'), { chunks: 1 })
  const store = new MemoryStore()
  t.equal(await putBlobs(store, run), 3, 'the manifest and two blobs')
  t.equal(await putBlobs(store, run), 0)
  const cache = await BlobCache.open(join(folder, 'cache'))
  const hashes = [run.manifestHash, ...run.manifest.blobs]
  await cache.need(hashes, store)
  await cache.need(hashes, store)
  t.equal(store.fetched, 3)
  for (const hash of hashes) t.equal(blobHash(readFileSync(join(cache.folder, hash))), hash)
  const second = await BlobCache.open(join(folder, 'cache'))
  await second.need(hashes, store)
  t.equal(store.fetched, 3, 'another worker of this machine has them')
  store.content.clear()
  t.equal(await putBlobs(store, run), 3)
})

test('a damaged blob is not used: in the cache, at the broker, in the run directory', async (t) => {
  const folder = folderFor(t)
  const run = await makeStudy(join(folder, 'run'), { chunks: 1 })
  const store = new MemoryStore()
  await putBlobs(store, run)
  const [hash = ''] = run.manifest.blobs
  const key = `blobs/${hash}`
  const cached = join(folder, 'cache', hash)

  await (await BlobCache.open(join(folder, 'cache'))).need([hash], store)
  writeFileSync(cached, 'planted')
  await (await BlobCache.open(join(folder, 'cache'))).need([hash], store)
  t.equal(blobHash(readFileSync(cached)), hash, 'the cache was mended')

  rmSync(cached)
  store.content.set(key, Buffer.from('planted'))
  const cache = await BlobCache.open(join(folder, 'cache'))
  await t.rejects(cache.need([hash], store), { code: 'ERR_BLOB', message: new RegExp(hash) })
  t.notOk(existsSync(cached))
  t.notOk(store.content.has(key), 'it was thrown away')
  await t.rejects(cache.need([hash], store), {
    code: 'ERR_BLOB_MISSING',
    message: /the broker does not have blob/,
  })

  await putBlobs(store, run)
  writeFileSync(run.path(`blobs/${hash}`), 'planted')
  await cache.need([hash], store, run)
  t.equal(blobHash(readFileSync(cached)), hash, 'a damaged file of the shared folder is passed over')
  store.content.delete(key)
  await t.rejects(putBlobs(store, run), { code: 'ERR_BLOB' })
  t.notOk(store.content.has(key), 'and not put to the broker')
})

test('what nobody asked for in two weeks leaves the cache; other files stay', async (t) => {
  const folder = folderFor(t)
  const [old, fresh] = ['a', 'b'].map((digit) => join(folder, digit.repeat(64))) as [string, string]
  for (const path of [old, fresh, join(folder, 'notes')]) writeFileSync(path, '')
  const past = new Date(Date.now() - 15 * 86_400_000)
  utimesSync(old, past, past)
  utimesSync(join(folder, 'notes'), past, past)
  await BlobCache.open(folder)
  t.strictSame([old, fresh, join(folder, 'notes')].map(existsSync), [false, true, true])
})

test('packages that are not there are named, with what to install', async (t) => {
  const none = (name: string): Promise<unknown> => Promise.reject(new Error(`Cannot find package '${name}'`))
  const rows: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => loadBullmq('redis', none), /the package bullmq.*npm install bullmq ioredis/],
    [() => loadBullmq('postgres', none), /the package bullmq.*npm install bullmq pg/],
    [() => loadRedis(none), /the package ioredis.*npm install bullmq ioredis/],
    [() => loadPostgres(none), /the package pg.*npm install bullmq pg/],
  ]
  for (const [load, message] of rows) await t.rejects(load(), { code: 'ERR_MISSING_PACKAGE', message })
})
