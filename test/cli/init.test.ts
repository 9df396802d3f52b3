// onestep init, as a user types it: what it writes is right, and is computed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { initCommand } from '../../lib/cli/initCommand.js'
import { prepareStudy } from '../../lib/study/prepare.js'
import { loadStudyProblem } from '../../lib/study/problem/load.js'
import { readStudy } from '../../lib/study/specification/read.js'
import { templates } from '../../lib/study/specification/templates.js'

import { said } from './said.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'init-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const onestep = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/lib/cli/main.js'), ...args],
    {
      cwd: folder,
      encoding: 'utf8',
      timeout: 100_000,
    },
  )
  return { status, stdout, stderr }
}

t.test('the default', (t) => {
  const { status, stdout, stderr } = onestep('init')
  t.strictSame([status, stderr], [0, ''])
  t.equal(readFileSync(join(folder, 'study.yaml'), 'utf8'), templates['lambda-sweep']?.text)
  t.match(
    stdout,
    /^study\.yaml: .*\n\nNext:\n {2}onestep validate study\.yaml .*\n {2}onestep plan study\.yaml .*\n {2}onestep run study\.yaml /,
  )
  t.end()
})

t.test('every template is right, and is computed', async (t) => {
  for (const [name, { text }] of Object.entries(templates)) {
    const file = join(folder, 'new', 'folder', `${name}.yaml`)
    const { code, out } = await said(() => initCommand(file, { template: name }))
    t.equal(code, 0)
    t.match(out, `onestep run ${file}`)
    t.equal(readFileSync(file, 'utf8'), text)
    t.match(
      text,
      /^# yaml-language-server: \$schema=\.\/node_modules\/onestep\/schema\/study\.schema\.json\n# /,
    )
    t.match(text, new RegExp(`^name: ${name}$`, 'm'))
    const study = await readStudy(file)
    const loaded = await loadStudyProblem(study.specification.problem, { folder })
    const { manifest } = await prepareStudy(study, loaded, '0.0.0')
    t.ok(manifest.rows >= 32 && manifest.rows <= 1000, name)
  }
  const run = onestep('run', join('new', 'folder', 'minimal.yaml'), '--reporter', 'quiet', '--threads', '1')
  t.strictSame([run.status, run.stderr], [0, ''])
})

t.test('a file that is there stays as it is, unless told', async (t) => {
  const file = join(folder, 'mine.yaml')
  writeFileSync(file, 'name: mine\n')
  const kept = await said(() => initCommand(file, { template: 'minimal' }))
  t.equal(kept.code, 2)
  t.match(kept.err, /^onestep: .*mine\.yaml is there already and was left as it is\. .*--force/)
  t.equal(kept.out, '')
  t.equal(readFileSync(file, 'utf8'), 'name: mine\n')
  const forced = await said(() => initCommand(file, { template: 'minimal', force: true }))
  t.equal(forced.code, 0)
  t.equal(readFileSync(file, 'utf8'), templates.minimal?.text)
})

t.test('wrong use is told', async (t) => {
  mkdirSync(join(folder, 'folder.yaml'))
  writeFileSync(join(folder, 'file'), '')
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['a.yaml', 'lambda-swep', /there is no template "lambda-swep".*Did you mean "lambda-sweep"\?/],
    ['a.yaml', 'toString', /there is no template "toString".*lambda-sweep, strategy-matrix/],
    ['a.json', 'minimal', /a template is YAML.*\.yaml or \.yml/],
  ]
  for (const [file, template, message] of refused) {
    await t.rejects(initCommand(join(folder, file), { template }), { code: 'ERR_ARGUMENT', message })
    t.notOk(existsSync(join(folder, file)))
  }
  const failed: readonly (readonly [string, RegExp])[] = [
    ['folder.yaml', /folder\.yaml cannot be written: EISDIR/],
    ['file/a.yaml', /file\/a\.yaml cannot be written: (ENOTDIR|EEXIST)/],
  ]
  for (const [file, message] of failed) {
    const { code, out, err } = await said(() =>
      initCommand(join(folder, file), { template: 'minimal', force: true }),
    )
    t.strictSame([code, out], [1, ''])
    t.match(err, message)
  }
  const { status, stderr } = onestep('init', 'a.yaml', '--templte', 'minimal')
  t.equal(status, 2)
  t.match(stderr, /--template/)
})

t.test('help has templates, exit codes and an example', (t) => {
  const { status, stdout } = onestep('init', '--help')
  t.equal(status, 0)
  for (const name of Object.keys(templates)) t.match(stdout, name)
  t.match(stdout, /Exit codes: 0 written; 1 .*; 2 [\s\S]*Example:\s+onestep init /)
  t.end()
})
