// Links of the pages lead to files that are there, and every page of docs/ can be reached from the README.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Links to files, relative to the root, without what follows a #; code is left out. */
const linksOf = (page: string, text: string): readonly string[] =>
  [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^([a-z]+:|#)/.test(target))
    .map((target) => normalize(join(dirname(page), target.replace(/#.*$/, ''))))

const read = (page: string): string => readFileSync(join(root, page), 'utf8')
const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)
const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'ROADMAP.md', 'CHANGELOG.md']

test('links lead somewhere', (t) => {
  const dead = [...top, ...docs].flatMap((page) =>
    linksOf(page, read(page))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${page}: ${target}`),
  )
  t.strictSame(dead, [])
  t.strictSame(linksOf('docs/a.md', '[x](b.md#y) [w](https://x.y)\n```\n[z](c.md)\n```\n[v](../d)'), [
    'docs/b.md',
    'd',
  ])
  t.end()
})

test('every page can be reached from the README', (t) => {
  const found = new Set(['README.md'])
  for (const page of found) {
    if (!page.endsWith('.md') || !existsSync(join(root, page))) continue
    for (const target of linksOf(page, read(page))) found.add(target)
  }
  t.strictSame(
    docs.filter((page) => !found.has(page)),
    [],
  )
  t.end()
})
