// docs/studies-walkthrough.md is what a new user sees: every command in its ```console blocks is run, in the order of the page and in a
// fresh folder, and prints what stands below it. Two marks stand for what differs from machine to machine:
//   …   in a line: anything
//   ⋮   alone on a line: any number of lines
// CSV ends its lines as its standard says, which is not looked at. "[exit code 4]" behind the output is the exit code where that is not 0.
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { temporaryFolder } from '../harness/study.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const main = join(root, 'dist', 'lib', 'cli', 'main.js')

interface Step {
  readonly command: string
  readonly expected: readonly string[]
}

/** The commands of a page, each with what it prints. */
const stepsOf = (page: string): readonly Step[] =>
  [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)]
    .flatMap(([, block]) => (block as string).split(/^\$ /m).slice(1))
    .map((text) => {
      const [command, ...expected] = text.trimEnd().split('\n')
      return { command: command as string, expected }
    })

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** What text has to match to be like these lines. */
const patternOf = (expected: readonly string[]): RegExp => {
  const lines = expected.map((line) =>
    line === '⋮' ? '(?:.*\\n)*?' : `${line.split('…').map(literal).join('.*')}\\n`,
  )
  return new RegExp(`^${lines.join('')}$`)
}

test('the walk through a study prints what the page shows', async (t) => {
  const folder = await temporaryFolder(t)
  const [bin, cwd] = [join(folder, 'bin'), join(folder, 'study')]
  await mkdir(bin)
  await mkdir(cwd)
  await writeFile(join(bin, 'onestep'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, {
    mode: 0o755,
  })
  const { ONESTEP_BROKER: _, ...rest } = process.env
  const env = { ...rest, PATH: `${bin}:${String(process.env['PATH'])}` }

  const steps = stepsOf(await readFile(join(root, 'docs', 'studies-walkthrough.md'), 'utf8'))
  for (const name of ['init', 'validate', 'plan', 'run', 'status', 'resume', 'best', 'report', 'compare']) {
    t.ok(
      steps.some(({ command }) => command.startsWith(`onestep ${name}`)),
      `the page shows ${name}`,
    )
  }
  for (const { command, expected } of steps) {
    const { stdout, status } = spawnSync('bash', ['-c', `exec 2>&1\n${command}`], {
      ...{ cwd, env, encoding: 'utf8', timeout: 200_000 },
    })
    const code = status === 0 ? '' : `[exit code ${String(status)}]\n`
    const printed = stdout === '' ? code : `${stdout.trimEnd()}\n${code}`
    t.match(printed.replaceAll('\r', ''), patternOf(expected), command)
  }
})

test('a page that shows something else would be seen', (t) => {
  const [step] = stepsOf('Text.\n\n```console\n$ onestep run a.yaml\nrows: 12 in … s\n⋮\nend\n```\n') as [
    Step,
  ]
  t.equal(step.command, 'onestep run a.yaml')
  const pattern = patternOf(step.expected)
  t.match('rows: 12 in 0.5 s\nend\n', pattern)
  t.match('rows: 12 in 0.5 s\nx\ny\nend\n', pattern)
  for (const other of [
    'rows: 13 in 0.5 s\nend\n',
    'rows: 12 in 0.5 s\n',
    'rows: 12 in 0.5 s\nend\nmore\n',
    '',
  ]) {
    t.notMatch(other, pattern, JSON.stringify(other))
  }
  t.end()
})
