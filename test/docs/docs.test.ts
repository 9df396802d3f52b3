// Every code block of the README and of docs/ runs, and so does every numbered example.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const compiled = join(root, 'dist', 'examples')

/** Runs a module in a folder inside the package, so that it may import 'onestep'. */
const run = (args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 100_000,
  })
  return { status, stdout, stderr }
}

const blocks = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
    (match) => match[1] as string,
  )

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
]

t.test('code blocks run', (t) => {
  const folder = mkdtempSync(join(root, 'dist', 'blocks-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  let count = 0
  for (const page of pages) {
    blocks(page).forEach((code, i) => {
      const file = join(folder, `${page.replace(/\W/g, '-')}-${String(i)}.ts`)
      writeFileSync(file, code)
      const { status, stderr } = run(['--import', 'tsx', file])
      t.equal(status, 0, `${page}, block ${String(i + 1)}: ${stderr}`)
      count++
    })
  }
  t.ok(count >= 2, 'there are blocks to run')
  t.end()
})

t.test('the README example finds the best λ', (t) => {
  const folder = mkdtempSync(join(root, 'dist', 'readme-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'readme.ts')
  writeFileSync(file, blocks('README.md')[0] as string)
  const { stdout } = run(['--import', 'tsx', file])
  t.match(stdout, /^converged 4096 best \d+ gradient there -?[\d.]+e-\d+/)
  t.end()
})

/** What each example must print: the numbers that its comments promise. */
const expected: Readonly<Record<string, RegExp>> = {
  '01-gradient': /hessian/,
  '02-fixed-point': /converged after \d+ steps/,
  '03-second-derivative': /1\.41421356\d*,\s+0\.35355339\d*,\s+-0\.088388347\d*/,
  '04-ridge-hypergradient': /one-step[\s\S]*exact/,
  '05-batch': /instances\s+4096/,
  '06-strategies': /implicit\s+relative error \d\.\de-1[3-9]/,
  '07-own-strategy': /scaled: 0\.35355/,
  '08-control-flow': /θ > 1\s+Float64Array\(3\) \[ 0, 0, 1 \]/,
  '09-failures': /converged[\s\S]*diverged[\s\S]*nonFinite[\s\S]*maxSteps[\s\S]*converged/,
  '10-nested-solve': /converged/,
  '12-bilevel': /64 of 64 converged; best penalties \[ 5\.87/,
  '11-pool': /(x [\d.]+ dx\/dθ [\d.]+ .* steps on \d+ threads\n){4}x ← −x: aborted/,
}

t.test('numbered examples run', (t) => {
  const names = readdirSync(compiled)
    .filter((name) => /^\d\d-.*\.js$/.test(name))
    .map((name) => name.replace(/\.js$/, ''))
  t.ok(names.length >= 8, `${String(names.length)} examples`)
  for (const name of names) {
    const { status, stdout, stderr } = run(['--enable-source-maps', join(compiled, `${name}.js`)])
    t.equal(status, 0, `${name}: ${stderr}`)
    t.match(stdout, expected[name] ?? /never printed: add what this example promises/, name)
  }
  t.end()
})
