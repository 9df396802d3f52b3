// The live page: on this machine alone, for requests that name it, and it shows what it is told.
import { request, type IncomingHttpHeaders } from 'node:http'
import { networkInterfaces } from 'node:os'
import { test } from 'tap'
import { serveLive } from '../../../lib/study/page/liveServer.js'
import type { Standing } from '../../../lib/study/page/standing.js'
import { launchChromium, withoutChromium } from '../../harness/chromium.js'

const standing: Standing = {
  ...{
    name: '<b>sweep</b>',
    id: '0123',
    rows: 1234,
    allRows: 10_000,
    chunks: 12,
    allChunks: 100,
    complete: false,
  },
  statuses: { converged: 1200, '<img src=x onerror=alert(1)>': 34 },
  ...{ rate: 567, secondsLeft: 75 },
  runners: [
    { id: 'a', host: '<i>host</i>', pid: 7, state: 'running', threads: 2, chunks: 12, rows: 1234, rate: 567 },
  ],
  best: { value: 0.125, row: 99, variant: 'implicit' },
}

interface Answer {
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** One request; of an answer that goes on, what comes first. */
const ask = (
  url: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { path, method, headers }, (response) => {
      let text = ''
      const end = (): void => {
        asked.destroy()
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text })
      }
      response.on('data', (part: Buffer) => {
        text += part.toString()
        if (response.headers['content-type'] === 'text/event-stream') end()
      })
      response.on('end', end)
    })
    asked.on('error', reject)
    asked.end()
  })

test('who is answered, and with what', async (t) => {
  const server = await serveLive('sweep', 0)
  t.teardown(() => server.close())
  const { host, port } = new URL(server.url)
  t.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  for (const name of [host, `localhost:${port}`])
    t.equal((await ask(server.url, '/', { host: name })).code, 200, name)
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1.evil.example:${port}`,
    `[::1]:${port}`,
    '127.0.0.1:1',
  ]) {
    for (const path of ['/', '/events'])
      t.equal((await ask(server.url, path, { host: name })).code, 403, `${name}${path}`)
  }
  for (const path of ['/favicon.ico', '/events/', '//', '/../events', '/?x', '/manifest.json'])
    t.equal((await ask(server.url, path)).code, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    t.equal((await ask(server.url, '/', {}, method)).code, 405, method)
  const { headers, text } = await ask(server.url, '/')
  t.match(headers['content-security-policy'], /^default-src 'none'; .*connect-src 'self'/)
  t.strictSame(
    [
      'x-content-type-options',
      'cross-origin-resource-policy',
      'cache-control',
      'access-control-allow-origin',
    ].map((key) => headers[key]),
    ['nosniff', 'same-origin', 'no-store', undefined],
  )
  t.notMatch(text, /https?:/)

  server.tell(standing)
  const events = await ask(server.url, '/events')
  t.equal(events.headers['content-type'], 'text/event-stream')
  t.strictSame(JSON.parse(events.text.replace(/^data: /, '')), standing, 'what was told last comes at once')

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')
  if (outside !== undefined)
    await t.rejects(ask(`http://${outside.address}:${port}/`, '/', { host }), 'no other address listens')
  await t.rejects(serveLive('other', Number(port)), { code: 'ERR_PORT', message: /port \d+[^]*--port/ })
})

test('pages that listen are few, and let go at the end', async (t) => {
  const server = await serveLive('sweep', 0)
  const open = await Promise.all(
    Array.from(
      { length: 32 },
      () =>
        new Promise<{ readonly destroyed: boolean }>((resolve, reject) => {
          request(new URL('/events', server.url), (response) => {
            response.on('error', () => undefined)
            response.once('data', () => {
              resolve(response)
            })
          })
            .on('error', reject)
            .end()
        }),
    ),
  )
  t.equal((await ask(server.url, '/events')).code, 503)
  t.equal((await ask(server.url, '/')).code, 200)
  await server.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.ok(
    open.every(({ destroyed }) => destroyed),
    'all connections are closed',
  )
  await t.rejects(ask(server.url, '/'), 'nobody answers')
})

test('in a browser', { skip: withoutChromium }, async (t) => {
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  for (const view of [{}, { dark: true }, { width: 390 }]) {
    const server = await serveLive('<b>sweep</b>', 0)
    try {
      const { page, complaints, requests } = await browser.open(view)
      await page.goto(server.url)
      t.equal(await page.locator('h1').textContent(), '<b>sweep</b>')
      t.match(await page.locator('#told').textContent(), /Waiting/)
      server.tell(standing)
      await page.locator('#rows').getByText('1,234 of 10,000 (12.3 %)').waitFor()
      t.equal(await page.locator('#left').textContent(), '1 min 15 s')
      t.equal(await page.locator('#best').textContent(), '0.12500000, row 99, implicit')
      t.strictSame(await page.locator('#statuses td').allTextContents(), [
        'converged',
        '1,200',
        '<img src=x onerror=alert(1)>',
        '34',
      ])
      t.strictSame((await page.locator('#runners td').allTextContents()).slice(0, 3), [
        '<i>host</i>',
        '7',
        'running',
      ])
      t.equal(
        await page.locator('progress').evaluate((bar) => (bar as unknown as { position: number }).position),
        0.1234,
      )
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), view.width ?? 1280)
      server.tell({ ...standing, rows: 10_000, chunks: 100, complete: true, runners: [] })
      await page.getByText('The study is complete.').waitFor()
      t.equal(await page.locator('#runners').isVisible(), false)
      t.strictSame(complaints, [])
      t.strictSame(
        requests.filter((url) => !url.startsWith('data:')),
        [server.url, `${server.url}events`],
      )
      await server.close()
      await page.getByText('The watch has ended').waitFor()
      await page.close()
    } finally {
      await server.close()
    }
  }
})
