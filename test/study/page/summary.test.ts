// What a summary says, beside the same worked out from all rows at once.
import { test } from 'tap'
import { bestRows } from '../../../lib/study/page/best.js'
import { GRADIENT_NORM } from '../../../lib/study/page/fields.js'
import { sampledPositions } from '../../../lib/study/page/sampling.js'
import type { StudySource } from '../../../lib/study/page/source.js'
import { SHARES, studySummary, type StudySummary } from '../../../lib/study/page/summary.js'
import { quantiles } from '../../../lib/study/statistics.js'
import type { Block } from '../../../lib/study/store/block.js'
import { descentStudy, drawnStudy, gridStudy, manifestOf, number, sourceOf, variantOf } from './studies.js'

interface Plain {
  readonly index: number
  readonly variant: number
  readonly [column: string]: number
}

/** All rows of a source, scalars only. */
const allRows = async ({ manifest, blocks }: StudySource): Promise<Plain[]> => {
  const rows: Plain[] = []
  for await (const { columns, data, rows: n } of blocks) {
    for (let i = 0; i < n; i++) {
      const row: Record<string, number> = {}
      for (const [c, column] of columns.entries()) {
        const numbers = data[c]
        if (numbers !== undefined && !('offsets' in numbers)) row[column.name] = numbers[i] ?? NaN
      }
      const index = row['index'] ?? NaN
      rows.push({ ...row, index, variant: Math.floor((index * manifest.variants.length) / manifest.rows) })
    }
  }
  return rows
}

const fieldOf = ({ fields }: StudySummary, name: string): number =>
  fields.findIndex((field) => field.name === name)

for (const [name, make, converged] of [
  ['grid', gridStudy, 0],
  ['drawn', () => drawnStudy(12_000), 0],
  ['descents', () => descentStudy(), 1],
] as const) {
  test(`counts, quantiles and best rows: ${name}`, async (t) => {
    const summary = await studySummary(make())
    const rows = await allRows(make())
    t.equal(summary.rows, rows.length)
    for (const [v, variant] of summary.variants.entries()) {
      const own = rows.filter((row) => row.variant === v)
      t.equal(variant.rows, own.length)
      const ended = own.filter((row) => row['status'] === converged)
      t.equal(variant.statuses['converged'], ended.length)
      t.equal(
        Object.values(variant.statuses).reduce((sum, n) => sum + n, 0),
        own.length,
        'each row has a status',
      )
      const smallest = ended.reduce((a, b) => ((b['value'] ?? NaN) < (a['value'] ?? NaN) ? b : a))
      t.equal(variant.best?.index, smallest.index)
      t.equal(variant.best?.values[fieldOf(summary, 'value')], smallest['value'])
      for (const [field, spread] of Object.entries(variant.spreads)) {
        const numbers = own.map((row) => row[field] ?? NaN)
        const exact = quantiles(numbers, SHARES)
        t.equal(spread.count, own.length)
        const sorted = numbers.sort((a, b) => a - b)
        for (const [k, p] of SHARES.entries()) {
          const got = spread.quantiles[k] ?? NaN
          if (own.length <= 4000) {
            t.ok(Math.abs(got - (exact[k] ?? NaN)) <= 1e-12 * Math.abs(got), `${field} ${String(p)}`)
            continue
          }
          const [below, upTo] = [sorted.filter((x) => x < got).length, sorted.filter((x) => x <= got).length]
          t.ok(
            below / own.length <= p + 0.01 && upTo / own.length >= p - 0.01,
            `${field} ${String(p)}, in rank`,
          )
        }
      }
    }
    const best = [...rows]
      .filter((row) => row['status'] === converged)
      .sort((a, b) => (a['value'] ?? 0) - (b['value'] ?? 0) || a.index - b.index)
      .slice(0, 10)
    t.strictSame(
      summary.best.map(({ index }) => index),
      best.map(({ index }) => index),
    )
  })

  test(`blocks of any size give the same summary: ${name}`, async (t) => {
    const whole = await studySummary(make())
    const all: Block[] = []
    for await (const block of make().blocks) all.push(...cut(block, 137))
    t.same(await studySummary({ ...make(), blocks: all }), whole)
  })
}

/** A block in pieces. */
const cut = ({ rows, columns, data }: Block, each: number): Block[] =>
  Array.from({ length: Math.ceil(rows / each) }, (_, k): Block => {
    const [lo, hi] = [k * each, Math.min((k + 1) * each, rows)]
    return {
      rows: hi - lo,
      columns,
      data: data.map((numbers, c) => {
        if ('offsets' in numbers) {
          const offsets = numbers.offsets.slice(lo, hi + 1)
          const from = offsets[0] ?? 0
          return {
            offsets: offsets.map((o) => o - from),
            values: numbers.values.slice(from, offsets[hi - lo]),
          }
        }
        const size = (columns[c]?.shape ?? []).reduce((a, b) => a * b, 1)
        return numbers.slice(lo * size, hi * size)
      }),
    }
  })

test('the sample: evenly taken, with the best and some that failed', async (t) => {
  const summary = await studySummary(drawnStudy(40_000))
  const [status, value] = [fieldOf(summary, 'status'), fieldOf(summary, 'value')]
  t.ok(summary.sample.length >= 10_000 && summary.sample.length < 11_100, String(summary.sample.length))
  const indices = summary.sample.map(({ index }) => index)
  t.strictSame(
    indices,
    [...new Set(indices)].sort((a, b) => a - b),
    'in order, none twice',
  )
  const halves = indices.filter((index) => index % 40_000 < 20_000).length / indices.length
  t.ok(Math.abs(halves - 0.5) < 0.05, 'as many early ones as late ones')
  for (const row of summary.best) t.ok(indices.includes(row.index), 'the best are in it')
  t.ok(summary.sample.filter(({ values }) => values[status] === 2).length >= 500, 'and failed ones')
  for (const { index, values } of summary.sample.slice(0, 50)) {
    const i = index % 40_000
    const lambda = 1e-5 * 1e6 ** (((i + 1) * 0.618033988749895) % 1)
    t.equal(values[fieldOf(summary, 'theta.lambda')], lambda, 'rows are as they were')
    t.ok((values[value] ?? 0) > 0)
  }
  const norm = fieldOf(summary, GRADIENT_NORM)
  const [first] = summary.sample
  const parts = ['lambda', 'mu', 'width'].map((p) => first?.values[fieldOf(summary, `gradient.${p}`)] ?? NaN)
  t.ok(Math.abs((first?.values[norm] ?? NaN) - Math.hypot(...parts)) < 1e-9 * Math.hypot(...parts))
})

test('positions: one of each stratum, the same each time', async (t) => {
  const picks = sampledPositions(1_000_003, 1000, 'rows')
  t.equal(picks.length, 1000)
  picks.forEach((position, s) => {
    if (position < Math.floor((s * 1_000_003) / 1000) || position >= Math.floor(((s + 1) * 1_000_003) / 1000))
      t.fail(String(s))
  })
  t.strictSame(sampledPositions(1_000_003, 1000, 'rows'), picks)
  t.strictSame([...sampledPositions(4, 10, 'rows')], [0, 1, 2, 3])
})

test('a study that is not complete', async (t) => {
  const parts = {
    axes: {},
    variants: [variantOf('implicit', 1e-8), variantOf('oneStep', 1e-8)],
    columns: [number('value')],
    thetas: 2500,
  }
  const summary = await studySummary(
    sourceOf(parts, (_, i) => ({ value: i }), { each: 500, missing: [0, 3, 6] }),
  )
  t.strictSame(
    summary.variants.map(({ rows }) => rows),
    [1500, 2000],
  )
  t.equal(summary.rows, 3500)
  t.strictSame(
    summary.best.slice(0, 2).map(({ index }) => index),
    [2500, 2501],
  )
  const none = await studySummary({ manifest: manifestOf(parts), blocks: [] })
  t.strictSame([none.rows, none.variants.length, none.sample.length, none.best.length], [0, 2, 0, 0])
})

test('rows that are not those of the manifest are refused', async (t) => {
  const good = gridStudy()
  const blocks: Block[] = []
  for await (const block of good.blocks) blocks.push(block)
  const [first, second] = blocks as [Block, Block]
  for (const wrong of [
    [second, first],
    [first, first],
    [...blocks, second],
  ]) {
    await t.rejects(studySummary({ ...good, blocks: wrong }), {
      name: 'DataError',
      message: /not those of its manifest/,
    })
  }
})

test('the best by any number', async (t) => {
  const rows = (await allRows(drawnStudy())).filter((row) => row['status'] === 0)
  const by = async (name: string, largest = false, count = 5): Promise<number[]> =>
    (await bestRows(drawnStudy(), { by: name, largest, count })).rows.map(({ index }) => index)
  const expected = (name: string, sign: number): number[] =>
    [...rows]
      .sort((a, b) => sign * ((a[name] ?? 0) - (b[name] ?? 0)) || a.index - b.index)
      .slice(0, 5)
      .map(({ index }) => index)
  t.strictSame(await by('value'), expected('value', 1))
  t.strictSame(await by('metric.accuracy', true), expected('metric.accuracy', -1))
  t.strictSame(await by('seconds'), expected('seconds', 1))
  const norms = await bestRows(drawnStudy(), { by: GRADIENT_NORM, count: 20 })
  const at = norms.fields.findIndex(({ name }) => name === GRADIENT_NORM)
  const sizes = norms.rows.map(({ values }) => values[at] ?? NaN)
  t.strictSame(
    sizes,
    [...sizes].sort((a, b) => a - b),
  )
  t.ok(
    (sizes[0] ?? NaN) <=
      Math.min(
        ...rows.map((row) =>
          Math.hypot(row['gradient.lambda'] ?? 0, row['gradient.mu'] ?? 0, row['gradient.width'] ?? 0),
        ),
      ) *
        (1 + 1e-12),
  )
  await t.rejects(bestRows(drawnStudy(), { by: 'loss' }), {
    name: 'ArgumentError',
    message: /no number "loss"[^]*value/,
  })
  await t.rejects(bestRows(drawnStudy(), { by: 'status' }), { name: 'ArgumentError' })
})
