// What is recorded of a machine, and what is not.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  environment,
  environmentDifferences,
  environmentFacts,
  withoutSecrets,
} from '../../lib/study/environment.js'

const root = mkdtempSync(join(tmpdir(), 'onestep-environment-'))
t.teardown(() => {
  rmSync(root, { recursive: true })
})

t.test('secrets of a command line', (t) => {
  const secret = 's3cret'
  for (const [command, shown] of [
    [
      ['run', '--broker', `redis://:${secret}@host:6379/0`],
      ['run', '--broker', 'redis://:***@host:6379/0'],
    ],
    [[`--broker=postgres://me:${secret}@host/db`], ['--broker=postgres://me:***@host/db']],
    [[`postgres://me:${secret}@x@host/db?sslmode=require`], ['postgres://me:***@host/db?sslmode=require']],
    [
      [`postgres://host/db?password=${secret}&sslmode=require`],
      ['postgres://host/db?password=***&sslmode=require'],
    ],
    [[`https://${secret}@host/x`], ['https://***@host/x']],
    [
      ['--password', secret, 'x'],
      ['--password', '***', 'x'],
    ],
    [
      ['--api-key', secret],
      ['--api-key', '***'],
    ],
    [[`--redis-token=${secret}`], ['--redis-token=***']],
    [
      ['-s', 'seed=3', 'study.yaml', 'https://host/x'],
      ['-s', 'seed=3', 'study.yaml', 'https://host/x'],
    ],
  ] as const) {
    t.strictSame(withoutSecrets(command), shown)
    t.notMatch(withoutSecrets(command).join(' '), new RegExp(secret))
  }
  t.end()
})

t.test('a folder in a repository', async (t) => {
  const folder = join(root, 'repository', 'study')
  mkdirSync(folder, { recursive: true })
  const git = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' })
    t.equal(status, 0, stderr)
    return stdout.trim()
  }
  git('init', '-q')
  writeFileSync(join(folder, 'study.yaml'), 'name: x\n')
  writeFileSync(join(root, 'repository', 'package-lock.json'), '{}')
  git('add', '.')
  git('-c', 'user.name=x', '-c', 'user.email=x@localhost', 'commit', '-q', '-m', 'x')
  process.env['ONESTEP_TEST_SECRET'] = 'never-to-be-seen'
  const found = await environment({ folder, seed: 5, command: ['run', 'study.yaml'] })
  delete process.env['ONESTEP_TEST_SECRET']
  t.strictSame(found.git, { commit: git('rev-parse', 'HEAD'), changed: false })
  t.strictSame(found.lockfile, {
    name: 'package-lock.json',
    sha256: createHash('sha256').update('{}').digest('hex'),
  })
  t.match(found, { seed: 5, command: ['run', 'study.yaml'], node: process.version })
  t.match(found.packages['hyparquet-writer'], /^\d+\.\d+\.\d+/)
  t.equal(found.native?.threads, 1)
  t.notMatch(JSON.stringify(found), /never-to-be-seen/)
  t.match(Date.parse(found.time), Number)
  writeFileSync(join(folder, 'study.yaml'), 'name: y\n')
  const later = await environment({ folder })
  t.equal(later.git?.changed, true)
  t.strictSame(environmentDifferences(found, later), [['git.changed', 'false', 'true']])
  t.strictSame(environmentDifferences({ a: { b: 1 }, c: null }, { a: { b: 2 }, c: null, d: 'x' }), [
    ['a.b', '1', '2'],
    ['d', 'none', 'x'],
  ])
  t.equal(environmentFacts(found).get('seed'), '5')
})

t.test('a folder in none, and one that is not there', async (t) => {
  for (const folder of [root, join(root, 'nowhere')]) {
    const { git, lockfile } = await environment({ folder })
    t.equal(git, null)
    t.equal(lockfile, null)
  }
  await t.rejects(environment({ foldr: '.' } as object), { code: 'ERR_UNKNOWN_OPTION' })
})
