// Shards part the chunks: each belongs to exactly one.
import fc from 'fast-check'
import { test } from 'tap'
import { parseShard, shardOf } from '../../lib/cluster/shard.js'

test('each chunk belongs to one shard, and shards are as even as can be', async () => {
  fc.assert(
    fc.property(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 40 }), (chunks, count) => {
      const sizes = new Array<number>(count).fill(0)
      for (let chunk = 0; chunk < chunks; chunk++) {
        const owners = sizes.map((_, i) => i + 1).filter((index) => shardOf(chunk, index, count))
        if (owners.length !== 1) return false
        const [owner = 0] = owners
        sizes[owner - 1] = (sizes[owner - 1] as number) + 1
      }
      return Math.max(...sizes) - Math.min(...sizes) <= 1
    }),
  )
})

test('i/n is read, and nothing else', async (t) => {
  t.strictSame(parseShard('1/1'), { index: 1, count: 1 })
  t.strictSame(parseShard('3/8'), { index: 3, count: 8 })
  for (const text of [
    '0/8',
    '9/8',
    '1/0',
    '3',
    '3/',
    '/8',
    '-1/8',
    '1.5/8',
    ' 1/8',
    '1/8 ',
    '1/8/2',
    '1e0/8',
    '',
  ]) {
    t.throws(
      () => parseShard(text),
      { code: 'ERR_ARGUMENT', message: /i\/n with 1 ≤ i ≤ n/ },
      JSON.stringify(text),
    )
  }
})
