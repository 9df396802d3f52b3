// Set-up does each thing when it is needed and only then.
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import { packageRoot } from '../../lib/runtime/diagnosis.js'

interface Step {
  readonly fresh: () => boolean
  readonly build: (options?: { force?: boolean }) => void
}
interface Build {
  readonly step: (stamp: string, output: string, inputs: () => string[], run: () => void) => Step
  readonly filesUnder: (folder: string) => string[]
}
interface Setup {
  readonly installed: (folder: string) => boolean
}
const load = (name: string): Promise<unknown> =>
  import(pathToFileURL(join(packageRoot(), 'scripts', name)).href)
const { step, filesUnder } = (await load('build.mjs')) as Build
const { installed } = (await load('setup.mjs')) as Setup

test('a build step runs when something changed, and only then', async (t) => {
  const folder = t.testdir({ source: { a: '1', b: '1' } })
  const source = join(folder, 'source')
  const output = join(folder, 'output')
  const age = (path: string, seconds: number): void => utimesSync(path, seconds, seconds)
  let runs = 0
  const build = step(
    join(folder, 'stamp'),
    output,
    () => filesUnder(source),
    () => {
      runs++
      writeFileSync(output, `${runs}`)
    },
  )
  const changes: readonly (readonly [string, () => void, boolean])[] = [
    ['the first time', () => undefined, true],
    ['nothing changed', () => undefined, false],
    ['an input is written', () => age(join(source, 'a'), 1e9), true],
    ['an input is older than the output', () => age(join(source, 'a'), 1e8), true],
    ['an input is added', () => writeFileSync(join(source, 'c'), ''), true],
    ['an input is removed', () => rmSync(join(source, 'c')), true],
    ['the output is gone', () => rmSync(output), true],
    ['the output was replaced', () => writeFileSync(output, 'something else'), true],
    ['nothing changed again', () => undefined, false],
  ]
  for (const [name, change, expected] of changes) {
    change()
    const before = runs
    t.equal(build.fresh(), !expected, name)
    build.build()
    t.equal(runs - before, expected ? 1 : 0, name)
  }
  build.build({ force: true })
  t.equal(runs, changes.filter(([, , expected]) => expected).length + 1, 'forced')
})

test('an input that changes during the build is built again', async (t) => {
  const folder = t.testdir({ input: '1' })
  const input = join(folder, 'input')
  const output = join(folder, 'output')
  let runs = 0
  const build = step(
    join(folder, 'stamp'),
    output,
    () => [input],
    () => {
      runs++
      writeFileSync(output, '')
      if (runs === 1) writeFileSync(input, 'longer')
    },
  )
  build.build()
  t.equal(build.fresh(), false)
  build.build()
  t.equal(build.fresh(), true)
  t.equal(runs, 2)
})

interface Package {
  readonly version: string
  readonly integrity?: string
  readonly optional?: boolean
  readonly dev?: boolean
}
type Packages = Readonly<Record<string, Package>>

const wanted: Packages = {
  '': { version: '1.0.0' },
  'node_modules/a': { version: '1.0.0', integrity: 'x' },
  'node_modules/b': { version: '2.0.0', integrity: 'y', dev: true },
  'node_modules/only-elsewhere': { version: '1.0.0', integrity: 'z', optional: true },
}
const { 'node_modules/a': a, 'node_modules/b': b } = wanted as { [name: string]: Package }

test('node_modules is complete, or not', async (t) => {
  const rows: readonly (readonly [string, Packages | undefined, readonly string[], boolean])[] = [
    ['nothing there', undefined, [], false],
    ['all there', { 'node_modules/a': a!, 'node_modules/b': b! }, ['a', 'b'], true],
    ['without development dependencies', { 'node_modules/a': a! }, ['a'], false],
    [
      'another version',
      { 'node_modules/a': { ...a!, version: '1.0.1' }, 'node_modules/b': b! },
      ['a', 'b'],
      false,
    ],
    [
      'another content',
      { 'node_modules/a': { ...a!, integrity: 'w' }, 'node_modules/b': b! },
      ['a', 'b'],
      false,
    ],
    ['a folder removed by hand', { 'node_modules/a': a!, 'node_modules/b': b! }, ['a'], false],
  ]
  for (const [name, found, folders, expected] of rows) {
    const folder = t.testdir({ 'package-lock.json': JSON.stringify({ packages: wanted }) })
    const write = (path: string, value: unknown): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), JSON.stringify(value))
    }
    if (found !== undefined) write('node_modules/.package-lock.json', { packages: found })
    for (const name of folders) write(`node_modules/${name}/package.json`, {})
    t.equal(installed(folder), expected, name)
  }
})
