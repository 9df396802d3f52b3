// Set-up, then the compiled tests through tap, and at the end one plain line "N passed, N failed".
//   npm test [-- PART … | --grep … ]   only the files whose path holds a PART: npm test -- runtime/native
//   npm run test:soak                  the long versions (ONESTEP_SOAK=1)
//   npm run test:sanitize              the addon under AddressSanitizer and UndefinedBehaviorSanitizer
//   ONESTEP_REQUIRE_ALL=1              a skipped test is a failure
import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { addon, filesUnder, nativeTests, sanitized } from './build.mjs'
import { isMain, root } from './machine.mjs'
import { setup } from './setup.mjs'

/**
 * Listens to a tap-parser and counts its assertions, those of subtests included. A subtest's own closing
 * line repeats what was counted inside, except when the subtest failed or was skipped as a whole.
 * @param {(kind: 'failed' | 'skipped', path: string[], result: object) => void} tell
 */
export const count = (parser, tell, path = [], above = []) => {
  const own = { passed: 0, failed: 0, skipped: 0 }
  let subtest
  const add = (kind, result) => {
    for (const total of [own, ...above]) total[kind]++
    if (kind !== 'passed') tell(kind, [...path, ...(result.name ? [result.name] : [])], result)
  }
  parser.on('child', (child) => (subtest = count(child, tell, [...path, child.name], [own, ...above])))
  parser.on('assert', (result) => {
    const inside = subtest ?? { passed: 0, failed: 0, skipped: 0 }
    const isClosing = subtest !== undefined
    subtest = undefined
    const kind = result.skip || result.todo ? 'skipped' : result.ok ? 'passed' : 'failed'
    const says = {
      passed: !isClosing,
      failed: inside.failed === 0,
      skipped: inside.passed + inside.failed + inside.skipped === 0,
    }
    if (says[kind]) add(kind, result)
  })
  parser.on('bailout', (reason) => {
    if (path.length === 0) add('failed', { name: 'bailed out', diag: { reason } })
  })
  return own
}

/** The last line and the exit code: red when something failed or nothing ran. */
export const verdict = ({ passed, failed, skipped }, requireAll) => {
  const red = requireAll ? failed + skipped : failed
  const left = requireAll ? 0 : skipped
  return {
    line: `${passed} passed, ${red} failed${left > 0 ? `, ${left} skipped` : ''}`,
    code: red === 0 && passed > 0 ? 0 : 1,
  }
}

/** What a failed assertion's diagnostics say, indented. */
const describe = ({ diag }) => {
  if (!diag) return ''
  const { stdio: _s, cwd: _c, externalID: _e, jobId: _j, args: _a, command: _m, ...rest } = diag
  const lines = Object.entries(rest).flatMap(([key, value]) => {
    const text = typeof value === 'string' ? value.trimEnd() : JSON.stringify(value)
    return text.includes('\n')
      ? [`${key}:`, ...text.split('\n').map((line) => `  ${line}`)]
      : [`${key}: ${text}`]
  })
  return lines.map((line) => `      ${line}\n`).join('')
}

const selectFiles = (parts) => {
  const all = filesUnder(join(root, 'dist', 'test'))
    .filter((path) => path.endsWith('.test.js'))
    .map((path) => relative(root, path))
  const wanted = parts.map((part) => part.replace(/^(\.\/)?(dist\/)?/, '').replace(/\.[jt]s$/, ''))
  return wanted.length === 0 ? all : all.filter((path) => wanted.some((part) => path.includes(part)))
}

/** Environment in which the sanitized addon loads and reports. */
const sanitizerEnvironment = () => ({
  ONESTEP_NATIVE_PATH: sanitized.addon.path,
  LD_PRELOAD: spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim(),
  // Node keeps memory until it exits, so leaks are looked for by soak tests of the resident size.
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
})

const main = async (args) => {
  setup()
  const sanitize = args.includes('--sanitize')
  const binaries = sanitize ? sanitized : { addon, nativeTests }
  for (const binary of Object.values(binaries)) binary.build()
  const options = args.filter((arg) => arg.startsWith('-') && arg !== '--sanitize')
  const parts = args.filter((arg) => !arg.startsWith('-'))
  const files = selectFiles(parts)
  if (files.length === 0) {
    console.error(`onestep: no test file matches ${parts.join(' ') || 'test/**/*.test.ts'}`)
    console.log('0 passed, 0 failed')
    return 1
  }
  const require = createRequire(import.meta.url)
  const { Parser } = await import(pathToFileURL(require.resolve('tap-parser')).href)
  const soak = process.env.ONESTEP_SOAK === '1'
  const requireAll = process.env.ONESTEP_REQUIRE_ALL === '1'
  const parser = new Parser()
  const notes = []
  const total = count(parser, (kind, path, result) => {
    if (kind === 'failed') notes.push(`  failed  ${path.join(' > ')}\n${describe(result)}`)
    else notes.push(`  skipped ${path.join(' > ')}: ${String(result.skip || result.todo)}\n`)
  })
  parser.on('assert', ({ ok, name, skip, time }) => {
    const seconds = time === undefined || time === null ? '' : ` (${(time / 1000).toFixed(1)} s)`
    process.stdout.write(`${skip ? 'skip  ' : ok ? 'ok    ' : 'FAILED'} ${name}${seconds}\n`)
    process.stdout.write(notes.splice(0).join(''))
  })

  const tap = join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')
  const tapArgs = ['run', '--reporter=tap', ...(soak ? ['--timeout=3600'] : []), ...options, ...files]
  const env = { ...process.env, ...(sanitize ? sanitizerEnvironment() : {}) }
  const child = spawn(process.execPath, [tap, ...tapArgs], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.pipe(parser)
  const ended = new Promise((resolve) => child.on('close', resolve))
  await new Promise((resolve) => parser.on('complete', resolve))
  const status = await ended
  process.stdout.write(notes.join(''))
  if (status !== 0 && total.failed === 0) {
    console.log(`tap ended with ${status}`)
    total.failed++
  }
  const { line, code } = verdict(total, requireAll)
  console.log(line)
  return code
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
