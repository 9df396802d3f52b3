// How the addon was compiled, and that what is committed leads nowhere but to the registry npm is set to.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../../lib/runtime/diagnosis.js'
import { native } from '../../lib/runtime/native.js'

const root = packageRoot()
const text = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')

interface CompileCommand {
  readonly command: string
  readonly file: string
}

test('no file is compiled with fast maths or contraction', async (t) => {
  const commands = JSON.parse(text('build', 'compile_commands.json')) as CompileCommand[]
  const ours = commands.filter(({ file }) => file.includes('/native/'))
  t.ok(ours.length > 1, `${ours.length} files`)
  for (const { command, file } of ours) {
    t.notMatch(command, /-ffast-math|-Ofast|-funsafe-math|-ffinite-math|-fassociative-math/, file)
    t.match(command, /-ffp-contract=off/, file)
    t.match(command, / -O3 /, file)
    t.match(command, /-std=c\+\+20/, file)
  }
})

test('only binding/ can see Node-API', async (t) => {
  const commands = JSON.parse(text('build', 'compile_commands.json')) as CompileCommand[]
  for (const { command, file } of commands.filter(({ file }) => file.includes('/native/'))) {
    t.equal(/node-addon-api|node-api-headers/.test(command), file.includes('/native/binding/'), file)
  }
})

test('subnormal numbers of JavaScript survive the addon', async (t) => {
  const smallest = Number.MIN_VALUE
  native().selfCheck()
  const half = (x: number): number => x / 2
  t.equal(Number('5e-324') * 1, smallest)
  t.equal(half(2.2250738585072014e-308), 1.1125369292536007e-308)
  t.equal(new Float64Array([1e-310]).map((x) => x * 3)[0], 3e-310)
  t.equal(native().selfCheck().flushesSubnormals, false)
})

test('the lock file names no host', async (t) => {
  const lock = JSON.parse(text('package-lock.json')) as { packages: Record<string, { resolved?: string }> }
  const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined)
  t.strictSame(resolved, [])
  t.match(text('.npmrc'), /^omit-lockfile-registry-resolved=true$/m)
  t.notMatch(text('.npmrc'), /registry=|\/\//)
})
