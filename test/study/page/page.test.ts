// The report of a study, opened in a browser: nothing is fetched, nothing complains, the table obeys, hostile names are only text.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { reportPage } from '../../../lib/study/page/page.js'
import type { StudySource } from '../../../lib/study/page/source.js'
import { studySummary } from '../../../lib/study/page/summary.js'
import type { Block } from '../../../lib/study/store/block.js'
import { launchChromium, withoutChromium, type View, type Watched } from '../../harness/chromium.js'
import {
  code,
  descentStudy,
  drawnStudy,
  gridStudy,
  manifestOf,
  number,
  sourceOf,
  statusNames,
  variantOf,
} from './studies.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-page-'))

const write = async (name: string, source: StudySource, title?: string): Promise<string> => {
  const path = join(folder, `${name}.html`)
  writeFileSync(path, await reportPage(await studySummary(source), title === undefined ? {} : { title }))
  return path
}

const hostile = `</script><img src=x onerror="alert(1)">&'=1+1`

/** Every name in it would like to be markup, script or a formula. */
const hostileStudy = (): StudySource => {
  const key = `theta.${hostile}`
  const variants = [1e-8, 1e-4].map((tolerance) => ({
    ...variantOf(hostile, tolerance),
    name: `${hostile} ${String(tolerance)}`,
  }))
  return sourceOf(
    {
      axes: {
        [hostile]: { kind: 'log', low: 1, high: 1e4, count: 50, shape: [] },
        __proto__x: { kind: 'linear', low: 0, high: 1, count: 2, shape: [] },
      },
      variants,
      name: hostile,
      description: hostile,
      columns: [
        number(key),
        number('theta.__proto__'),
        number('value'),
        number(`metric.${hostile}`),
        code('status', ['converged', hostile]),
      ],
      thetas: 50,
    },
    (_, i) => ({
      [key]: 1 + i,
      'theta.__proto__': i % 2,
      value: i,
      [`metric.${hostile}`]: -i,
      status: i % 9 === 8 ? 1 : 0,
    }),
    { environment: { [hostile]: hostile, nested: [hostile] } },
  )
}

/** A million rows, made as they are read. */
const millionStudy = (): StudySource => {
  const rows = 1_000_000
  const columns = [
    { name: 'index', kind: 'integer', shape: [] } as const,
    ...[
      'theta.lambda',
      'theta.mu',
      'value',
      'gradient.lambda',
      'gradient.mu',
      'certificate.estimate',
      'seconds',
    ].map((name) => number(name)),
    code('status', statusNames),
  ]
  const variants = [1e-8, 1e-6, 1e-4, 1e-2].map((tolerance) => variantOf('implicit', tolerance))
  const axis = { kind: 'uniform', low: 0, high: 1, shape: [] } as const
  const manifest = manifestOf({
    axes: { lambda: axis, mu: axis },
    variants,
    columns,
    thetas: rows / 4,
    name: 'million',
  })
  function* blocks(): Generator<Block> {
    for (let lo = 0; lo < rows; lo += 10_000) {
      const numbers = columns
        .slice(1, -1)
        .map((_, k) =>
          Float64Array.from({ length: 10_000 }, (_x, i) => ((lo + i + 1) * (0.618 + 0.01 * k)) % 1),
        )
      yield {
        rows: 10_000,
        columns,
        data: [Float64Array.from({ length: 10_000 }, (_, i) => lo + i), ...numbers, new Uint8Array(10_000)],
      }
    }
  }
  return { manifest, blocks: { [Symbol.iterator]: blocks } }
}

test('in a browser', { skip: withoutChromium }, async (t) => {
  const browser = await launchChromium()
  t.teardown(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const visit = async (path: string, view: View = {}): Promise<Watched> => {
    const watched = await browser.open(view)
    await watched.page.goto(pathToFileURL(path).href)
    return watched
  }
  const cells = (page: Page, column: string): Promise<string[]> =>
    page.evaluate((name) => {
      const doc = (
        globalThis as unknown as {
          document: { querySelectorAll(s: string): Iterable<{ textContent: string }> }
        }
      ).document
      const heads = [...doc.querySelectorAll('#rows thead th')].map((th) => th.textContent)
      return [...doc.querySelectorAll(`#rows tbody td:nth-child(${String(heads.indexOf(name) + 1)})`)].map(
        (td) => td.textContent,
      )
    }, column)
  const numbers = async (page: Page, column: string): Promise<number[]> =>
    (await cells(page, column)).map((text) => Number(text.replaceAll('−', '-')))
  const sort = (page: Page, column: string): Promise<void> =>
    page.locator('#rows thead button').getByText(column, { exact: true }).click()
  const told = async (page: Page): Promise<string> => (await page.locator('#rows-told').textContent()) ?? ''
  const width = (page: Page): Promise<number> => page.evaluate('document.documentElement.scrollWidth')
  const colour = (page: Page): Promise<string> =>
    page.evaluate('getComputedStyle(document.body).backgroundColor')

  const studies: Readonly<Record<string, [StudySource, readonly string[]]>> = {
    grid: [
      gridStudy(),
      [
        'Summary',
        'Statuses',
        'Best rows',
        'Value and hypergradient',
        'Error against time',
        'What was measured',
        'Rows',
        'Environment',
      ],
    ],
    drawn: [
      drawnStudy(),
      [
        'Summary',
        'Statuses',
        'Best rows',
        'Value and hypergradient, against each parameter',
        'Parallel coordinates',
        'Error against time',
        'What was measured',
        'Rows',
        'Environment',
      ],
    ],
    descents: [
      descentStudy(),
      [
        'Summary',
        'Statuses',
        'Best rows',
        'Where the descents ended, against each parameter',
        'Parallel coordinates',
        'Convergence of the descents',
        'What was measured',
        'Rows',
        'Environment',
      ],
    ],
  }
  for (const [name, [source, headings]] of Object.entries(studies)) {
    t.test(`${name}: light and dark, on a desk and on a phone`, async (t) => {
      const path = await write(name, source)
      for (const view of [{}, { dark: true }, { width: 390 }, { width: 390, dark: true }] as const) {
        const { page, complaints, requests } = await visit(path, view)
        t.strictSame(complaints, [], 'no complaint')
        t.strictSame(requests, [pathToFileURL(path).href], 'nothing is fetched')
        t.equal(await width(page), 'width' in view ? 390 : 1280, 'the page does not run over')
        t.equal(await colour(page), 'dark' in view ? 'rgb(20, 23, 27)' : 'rgb(255, 255, 255)')
        t.strictSame(await page.locator('h2').allTextContents(), headings)
        const figures = await page.locator('figure svg:visible').count()
        t.equal(figures, headings.length - 6, 'each figure is seen once')
        await page.close()
      }
    })
  }

  t.test('sorting, filtering and paging', async (t) => {
    const { page, complaints } = await visit(join(folder, 'grid.html'))
    t.equal(await told(page), 'Rows 1 to 50 of 1,200')
    const summary = await page.locator('#section-1').textContent()
    t.match(summary, /begun\s*2026-01-02T03:04:05.000Z\s*on\s*some-host, Some Processor 9000/)
    await sort(page, 'value')
    const ascending = await numbers(page, 'value')
    t.strictSame(
      ascending,
      [...ascending].sort((a, b) => a - b),
    )
    t.equal(await page.locator('th[aria-sort=ascending]').textContent(), 'value')
    await sort(page, 'value')
    const descending = await numbers(page, 'value')
    t.strictSame(
      descending,
      [...descending].sort((a, b) => b - a),
    )
    t.ok((descending[0] ?? 0) > (ascending[49] ?? 0))
    t.equal(await page.locator('th[aria-sort=descending]').count(), 1)
    t.equal(await page.locator('th[aria-sort=none]').count(), (await page.locator('#rows th').count()) - 1)

    await page.locator('select[name=status]').selectOption('maxSteps')
    t.equal(await told(page), 'Rows 1 to 18 of 18, of 1,200')
    t.strictSame([...new Set(await cells(page, 'status'))], ['maxSteps'])
    await page.locator('select[name=status]').selectOption('all')
    await page.locator('select[name=variant]').selectOption('oneStep, 0.00001')
    t.match(await told(page), /of 200, of 1,200$/)
    await page.getByLabel('Only rows with').fill('lambda < 0.01, value >= 0.4, gradientStatus = ok')
    await sort(page, 'theta.lambda')
    const lambdas = await numbers(page, 'theta.lambda')
    t.ok(lambdas.length > 10 && lambdas.every((x) => x < 0.01))
    t.ok((await numbers(page, 'value')).every((x) => x >= 0.4))
    for (const [wrong, message] of [
      ['nothing', /“nothing” is no condition/],
      ['loss < 1', /no column “loss”/],
      ['value < much', /“much” is no number/],
      ['status < converged', /compare by =/],
    ] as const) {
      await page.getByLabel('Only rows with').fill(wrong)
      t.match(await told(page), message)
      t.equal(await page.getByLabel('Only rows with').getAttribute('aria-invalid'), 'true')
    }
    await page.getByLabel('Only rows with').fill('value < -5')
    t.equal(await told(page), 'No row, of 1,200')
    await page.getByLabel('Only rows with').fill('')
    t.equal(await page.getByLabel('Only rows with').getAttribute('aria-invalid'), 'false')

    await page.locator('select[name=variant]').selectOption('all')
    await sort(page, 'row')
    await page.getByRole('button', { name: 'Last' }).click()
    t.equal(await told(page), 'Rows 1151 to 1200 of 1,200')
    t.ok(await page.getByRole('button', { name: 'Next' }).isDisabled())
    await page.getByRole('button', { name: 'Back' }).click()
    t.equal((await cells(page, 'row'))[0], '1100')
    t.strictSame(complaints, [])
    await page.close()
  })

  t.test('by keyboard alone', async (t) => {
    const { page } = await visit(join(folder, 'grid.html'))
    await page.getByLabel('Only rows with').focus()
    // The region of the table, then its first head.
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.textContent'), 'row')
    t.match(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), /solid/)
    await page.keyboard.press('Enter')
    t.equal((await cells(page, 'row'))[0], '1199')
    await page.close()
  })

  const downloaded = async (page: Page, selector: string): Promise<{ name: string; text: string }> => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(selector).click()])
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') }
  }

  t.test('every figure and table as a file', async (t) => {
    const { page, complaints, requests } = await visit(join(folder, 'grid.html'))
    t.equal(
      await page.locator('section:has(figure) a[download]').count(),
      await page.locator('section:has(figure)').count(),
    )
    const curve = await downloaded(page, 'section:has-text("Value and hypergradient") >> a[download]')
    t.equal(curve.name, 'ridge-path-value-and-hypergradient.csv')
    const records = curve.text.trimEnd().split('\r\n')
    t.equal(records[0], 'panel,series,x,y,low,high')
    t.equal(records.length, 1 + 2 * (1200 - 18), 'a record for each point of both panels')

    await page.locator('select[name=status]').selectOption('maxSteps')
    const rows = await downloaded(page, '#rows-csv')
    t.equal(rows.name, 'ridge-path-rows.csv')
    const lines = rows.text.trimEnd().split('\r\n')
    t.equal(lines.length, 19)
    const all = await studySummary(gridStudy())
    const at = (name: string): number => all.fields.findIndex((field) => field.name === name)
    const failed = all.sample.filter(({ values }) => values[at('status')] === 1)
    const column = (lines[0] ?? '').split(',').indexOf('theta.lambda')
    const bits = lines.slice(1).map((line) => Number(line.replace(/"[^"]*"/, 'x').split(',')[column]))
    t.strictSame(
      bits,
      failed.map(({ values }) => values[at('theta.lambda')]),
      'bit for bit',
    )
    t.strictSame(complaints, [])
    t.equal(requests.filter((url) => url.startsWith('http')).length, 0)
    await page.close()
  })

  t.test('hostile names are text', async (t) => {
    const path = await write('hostile', hostileStudy(), hostile)
    const { page, complaints, requests } = await visit(path)
    t.strictSame(complaints, [])
    t.strictSame(requests, [pathToFileURL(path).href])
    t.equal(await page.locator('img').count(), 0)
    t.equal(await page.locator('script').count(), 2, 'the data and the script')
    t.equal(await page.locator('h1').textContent(), hostile)
    t.ok((await page.locator('#rows thead th').allTextContents()).includes(`theta.${hostile}`))
    await sort(page, `metric.${hostile}`)
    t.equal((await cells(page, `metric.${hostile}`))[0], '−49')
    const { text } = await downloaded(page, '#rows-csv')
    t.match(text.split('\r\n')[1], /"<\/script>/)
    t.notMatch(text, /(^|,)[=+@]/m, 'no formula')
    await page.close()
  })

  t.test('no script but its own can run in it', async (t) => {
    const { page, complaints } = await visit(join(folder, 'grid.html'))
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'window.ran = true'
      document.body.append(script)
      document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.ran = true">')
    }`)
    await page.waitForTimeout(50)
    t.equal(await page.evaluate('window.ran'), undefined)
    t.ok(
      complaints.some((text) => /Content Security Policy/.test(text)),
      'the policy refused it',
    )
    await page.close()
  })

  t.test('a million rows', async (t) => {
    const summary = await studySummary(millionStudy())
    const path = join(folder, 'million.html')
    writeFileSync(path, await reportPage(summary))
    t.ok(statSync(path).size < 8e6, `${String(statSync(path).size)} bytes`)
    const { page, complaints } = await visit(path)
    t.match(await page.locator('#section-1').textContent(), /of all 1,000,000 rows[^]*sample of 20,/)
    t.match(await told(page), /^Rows 1 to 50 of 20,/)
    await sort(page, 'value')
    const smallest = await numbers(page, 'value')
    t.strictSame(
      smallest,
      [...smallest].sort((a, b) => a - b),
    )
    const best = await studySummary(millionStudy())
    t.equal(
      (await cells(page, 'row'))[0],
      String(best.best[0]?.index),
      'the best of all rows is in the sample',
    )
    t.strictSame(complaints, [])
    await page.close()
  })

  t.test('a study without a row', async (t) => {
    const { manifest } = gridStudy()
    const { page, complaints } = await visit(await write('empty', { manifest, blocks: [] }))
    t.match(await page.locator('#section-1').textContent(), /0 of 1,200: the study is not complete/)
    t.equal(await told(page), 'No row')
    t.strictSame(complaints, [])
    await page.close()
  })
})
