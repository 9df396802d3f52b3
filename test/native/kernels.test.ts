// The stand-alone C++ tests of the floors below the binding, on every processor target of this machine.
// scripts/test.mjs builds them beside the addon.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { nativePath } from '../../lib/runtime/native.js'

test('every suite of native/tests on every target', async (t) => {
  const { status, stdout, stderr } = spawnSync(join(dirname(nativePath()), 'onestep_tests'), {
    encoding: 'utf8',
  })
  const suites = [...stdout.matchAll(/^(\S+)\s+(\S+)\s+(\d+) expectations, (\d+) failed/gm)]
  t.ok(suites.length > 0, `${suites.length} suites ran`)
  for (const [, target, suite, expectations, failed] of suites) {
    t.ok(Number(expectations) > 0 && failed === '0', `${suite} on ${target}: ${expectations} expectations`)
  }
  t.equal(status, 0, `${stdout}${stderr}`)
})
