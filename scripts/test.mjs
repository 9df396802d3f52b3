// Set-up, then the compiled tests through tap, and at the end one plain line "N passed, N failed".
//   npm test [-- PART … | --grep … ]   only the files whose path holds a PART: npm test -- runtime/native
//   npm run test:soak                  the long versions (ONESTEP_SOAK=1)
//   npm run test:sanitize              the executor under ThreadSanitizer, then what runs natively under AddressSanitizer
//                                      and UndefinedBehaviorSanitizer; any report is a failure
//   ONESTEP_REQUIRE_ALL=1              a skipped test is a failure
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesUnder, release, sanitized } from './build.mjs'
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

// A run of test files: the binaries that they need, which files, their environment, and where sanitizers write
// what they find, so that it counts whatever the test says that met it.

const ordinary = (parts) => ({ binaries: [release.addon, release.tests, release.race], parts, env: {} })

/** Beside the binary that was watched. */
const reportsOf = ({ path }) => join(dirname(path), 'reports')
const options = (reports, ...more) => [`log_path=${join(reports, 'report')}`, ...more].join(':')

/** Node itself has races that it means to have: what is watched is a program without it, on jobs that Node writes. */
const watchThreads = () => {
  const { race } = sanitized.thread
  const reports = reportsOf(race)
  const env = { ONESTEP_PROGRAMS: dirname(race.path), TSAN_OPTIONS: options(reports, 'exitcode=66') }
  return { binaries: [release.addon, race], parts: ['native/race'], env, reports }
}

/**
 * Node keeps memory until it exits, so its leaks are looked for by tests of the resident size. Programs without Node
 * free everything: a file for each of them, named after it, is included in its options. For the sake of that size little
 * of what is freed is held back.
 */
const leaksCount = (programs) => {
  for (const { path } of programs) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.options`, 'detect_leaks=1')
  }
  return [
    'detect_leaks=0',
    'quarantine_size_mb=8',
    `include_if_exists=${join(dirname(programs[0].path), '%b.options')}`,
  ]
}

const watchAddresses = (parts) => {
  const { addon, tests, race } = sanitized.address
  const reports = reportsOf(addon)
  const env = {
    ONESTEP_NATIVE_PATH: addon.path,
    // The addon comes into a process that was built without it.
    LD_PRELOAD: spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim(),
    ASAN_OPTIONS: options(reports, ...leaksCount([tests, race])),
    UBSAN_OPTIONS: options(reports, 'print_stacktrace=1'),
  }
  const native = ['native/', 'program/', 'runtime/native', 'runtime/robustness', 'pool/']
  return { binaries: [addon, tests, race], parts: parts.length === 0 ? native : parts, env, reports }
}

const main = async (args) => {
  setup()
  const tapOptions = args.filter((arg) => arg.startsWith('-') && arg !== '--sanitize')
  const parts = args.filter((arg) => !arg.startsWith('-'))
  const sanitize = args.includes('--sanitize')
  const runs = sanitize ? [watchThreads(), watchAddresses(parts)] : [ordinary(parts)]
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const run of runs) {
    const counted = await runFiles(run, tapOptions)
    for (const kind of Object.keys(total)) total[kind] += counted[kind]
  }
  const { line, code } = verdict(total, process.env.ONESTEP_REQUIRE_ALL === '1')
  console.log(line)
  return code
}

/**
 * tap is installed with all of its plugins built in, and the first run after that takes them, whatever .taprc says: its loader of
 * TypeScript among them, which does not know all the rules by which Node finds files in packages.
 */
const withoutLoader = (tap) => {
  const built = join(root, 'node_modules', '@tapjs', 'test', 'test-built', 'dist', 'esm', 'index.js')
  if (!readFileSync(built, 'utf8').includes('@tapjs/typescript')) return
  spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}

const runFiles = async ({ binaries, parts, env, reports }, tapOptions) => {
  for (const binary of binaries) binary.build()
  const files = selectFiles(parts)
  if (files.length === 0) {
    console.error(`onestep: no test file matches ${parts.join(' ') || 'test/**/*.test.ts'}`)
    return { passed: 0, failed: 0, skipped: 0 }
  }
  if (reports !== undefined) {
    rmSync(reports, { recursive: true, force: true })
    mkdirSync(reports)
  }
  const require = createRequire(import.meta.url)
  const { Parser } = await import(pathToFileURL(require.resolve('tap-parser')).href)
  const soak = process.env.ONESTEP_SOAK === '1'
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
  withoutLoader(tap)
  // What is watched runs ten times as long.
  const timeout = soak ? ['--timeout=3600'] : reports !== undefined ? ['--timeout=1200'] : []
  const tapArgs = ['run', '--reporter=tap', ...timeout, ...tapOptions, ...files]
  const child = spawn(process.execPath, [tap, ...tapArgs], {
    cwd: root,
    env: { ...process.env, ...env },
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
  for (const path of reports === undefined ? [] : filesUnder(reports)) {
    console.log(`${relative(root, path)}\n${readFileSync(path, 'utf8')}`)
    total.failed++
  }
  return total
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
