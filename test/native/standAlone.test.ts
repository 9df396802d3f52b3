// The stand-alone C++ tests of the kernels, on every processor target of this machine. scripts/test.mjs builds them beside
// the addon.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import tap, { test } from 'tap'
import { nativePath } from '../../lib/runtime/native.js'

tap.setTimeout(600_000)

test('every suite of native/tests on every target', async (t) => {
  const { status, signal, stdout, stderr } = spawnSync(join(dirname(nativePath()), 'onestep_tests'), {
    encoding: 'utf8',
  })
  const suites = [...stdout.matchAll(/^(\S+)\s+(\S+)\s+(\d+) expectations, (\d+) failed/gm)]
  t.ok(suites.length > 0, `${String(suites.length)} suites ran`)
  for (const [, target, suite, expectations, failed] of suites) {
    const name = `${String(suite)} on ${String(target)}: ${String(expectations)} expectations`
    t.ok(Number(expectations) > 0 && failed === '0', name)
  }
  t.strictSame({ status, signal }, { status: 0, signal: null }, `${stdout}${stderr}`)
})
