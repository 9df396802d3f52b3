// The addon loads everywhere it should, and says precisely why where it cannot.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import tap, { test, type Test } from 'tap'
import { NativeError } from '../../lib/base/errors.js'
import { packageRoot } from '../../lib/runtime/diagnosis.js'
import { doctor } from '../../lib/runtime/doctor.js'
import {
  checkThreads,
  native,
  nativePath,
  openNative,
  residualLimit,
  unsound,
  type SelfCheck,
} from '../../lib/runtime/native.js'

// What a machine lacks is found by compiling small programs: seconds, and more on a busy machine.
tap.setTimeout(300_000)
const addonPath = nativePath()
const sane: SelfCheck = {
  blas: { config: 'OpenBLAS 9', core: 'Haswell', threads: 1, singleThreaded: false, integerBits: 32 },
  simd: 'AVX2',
  flushesSubnormals: false,
  choleskyResidual: 0.1,
  luResidual: 0.1,
}
const serial: SelfCheck = { ...sane, blas: { ...sane.blas, config: 'SINGLE_THREADED', singleThreaded: true } }

/** The NativeError that `run` throws. */
const errorOf = (run: () => unknown): NativeError => {
  try {
    run()
  } catch (error) {
    if (error instanceof NativeError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Runs `body` with the variables set or, where undefined, unset, and puts them back. */
const withEnvironment = <T>(variables: Record<string, string | undefined>, body: () => T): T => {
  const set = (values: Record<string, string | undefined>): void => {
    for (const name of Object.keys(variables)) {
      if (values[name] === undefined) delete process.env[name]
      else process.env[name] = values[name]
    }
  }
  const before = { ...process.env }
  set(variables)
  try {
    return body()
  } finally {
    set(before)
  }
}

test('the self-check of this machine', async (t) => {
  const check = native().selfCheck()
  t.equal(check.blas.threads, 1, 'BLAS is pinned to one thread')
  t.equal(check.blas.integerBits, 32)
  t.match(check.blas.config, /OpenBLAS/)
  t.ok(check.choleskyResidual >= 0 && check.choleskyResidual < residualLimit, `${check.choleskyResidual}`)
  t.ok(check.luResidual >= 0 && check.luResidual < residualLimit, `${check.luResidual}`)
  t.match(check.simd, /^[A-Z]/)
  t.strictSame(unsound(check), [])
  t.equal(native(), native(), 'loaded once')
})

test('BLAS stays pinned whatever the environment says', async (t) => {
  const script = `process.stdout.write(String(require(process.argv[1]).selfCheck().blas.threads))`
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '2', OMP_NUM_THREADS: '2' }
  const { stdout } = spawnSync(process.execPath, ['-e', script, addonPath], { encoding: 'utf8', env })
  t.equal(stdout, '1')
})

/** In a worker: loads the addon, and says whether JavaScript still has its subnormals. */
const workerScript = `
  const { parentPort, workerData } = require('node:worker_threads')
  const check = require(workerData).selfCheck()
  parentPort.postMessage({ threads: check.blas.threads, residual: check.luResidual, tiny: 5e-324 * workerData.length })
`

test('eight workers load it at once, and end', async (t) => {
  const expected = native().selfCheck().luResidual
  const answers = await Promise.all(
    Array.from(
      { length: 8 },
      () =>
        new Promise<unknown>((resolve, reject) => {
          const worker = new Worker(workerScript, { eval: true, workerData: addonPath })
          worker.once('message', (message: unknown) =>
            worker.once('exit', (code) => resolve({ message, code })),
          )
          worker.once('error', reject)
        }),
    ),
  )
  for (const answer of answers) {
    t.strictSame(answer, {
      message: { threads: 1, residual: expected, tiny: 5e-324 * addonPath.length },
      code: 0,
    })
  }
})

/** `addonPath` with every `from` replaced by `to` of the same length. */
const patched = (t: Test, from: string, to: string): string => {
  const bytes = readFileSync(addonPath)
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) bytes.write(to, at, 'latin1')
  const path = join(t.testdir({}), 'onestep.node')
  writeFileSync(path, bytes)
  return path
}
const written = (t: Test, bytes: Buffer, name = 'onestep.node'): string => {
  const path = join(t.testdir({}), name)
  writeFileSync(path, bytes)
  return path
}
const changed = (offset: number, value: number): Buffer => {
  const bytes = readFileSync(addonPath)
  bytes[offset] = value
  return bytes
}

/** Files that cannot be loaded: how they are made, and what the error must say. */
const unloadable: readonly (readonly [string, (t: Test) => string, string, RegExp])[] = [
  [
    'OpenBLAS is not there',
    (t) => patched(t, 'libopenblas.so.0', 'libopenblas.so.9'),
    'ERR_NATIVE_LIBRARY',
    /libopenblas\.so\.9 \(OpenBLAS\).*libopenblas0-pthread/,
  ],
  [
    'Highway is not there',
    (t) => patched(t, 'libhwy.so.1', 'libhwy.so.9'),
    'ERR_NATIVE_LIBRARY',
    /libhwy\.so\.9 \(Highway\).*libhwy1/,
  ],
  [
    'another library is not there',
    (t) => patched(t, 'libstdc++.so.6', 'libstdc++.so.9'),
    'ERR_NATIVE_LIBRARY',
    /libstdc\+\+\.so\.9 is missing or older.*Build the addon/,
  ],
  [
    'an OpenBLAS without a name that is needed',
    (t) => patched(t, 'openblas_get_config', 'openblas_got_config'),
    'ERR_NATIVE_LINK',
    /do not fit together.*openblas_got_config/,
  ],
  ['an empty file', (t) => written(t, Buffer.alloc(0)), 'ERR_NATIVE_FORMAT', /no ELF file/],
  ['a text', (t) => written(t, Buffer.from('text '.repeat(99))), 'ERR_NATIVE_FORMAT', /no ELF file/],
  [
    'a file that is cut off',
    (t) => written(t, readFileSync(addonPath).subarray(0, 20_000)),
    'ERR_NATIVE_FORMAT',
    /cut off.*Build the addon/,
  ],
  ['32 bits', (t) => written(t, changed(4, 1)), 'ERR_NATIVE_FORMAT', /no 64-bit/],
  ['another processor', (t) => written(t, changed(18, 8)), 'ERR_NATIVE_FORMAT', /another processor/],
  [
    'something else',
    (t) => written(t, Buffer.from('module.exports = {}'), 'other.cjs'),
    'ERR_NATIVE_FORMAT',
    /no addon of this version/,
  ],
]

for (const [name, make, code, message] of unloadable) {
  const linuxOnly = process.platform === 'linux' ? false : 'the files are made from ELF'
  test(`cannot be loaded: ${name}`, { skip: linuxOnly }, async (t) => {
    const error = errorOf(() => openNative(make(t)))
    t.equal(error.code, code)
    t.match(error.message, message)
  })
}

test('ONESTEP_NATIVE_PATH alone decides when it is set', async (t) => {
  withEnvironment({ ONESTEP_NATIVE_PATH: '/nowhere/onestep.node' }, () => {
    t.equal(nativePath(), '/nowhere/onestep.node')
    const error = errorOf(() => openNative(nativePath()))
    t.equal(error.code, 'ERR_NATIVE_MISSING')
    t.match(error.message, /ONESTEP_NATIVE_PATH names a file that does not exist.*\/nowhere.*unset it/)
  })
})

/** A package without a build folder, as a checkout and as somebody's dependency. */
const unbuilt = (folder: string, where: 'checkout' | 'dependency'): string => {
  const root = where === 'checkout' ? folder : join(folder, 'node_modules', 'onestep')
  mkdirSync(root, { recursive: true })
  cpSync(join(packageRoot(), 'scripts'), join(root, 'scripts'), { recursive: true })
  return root
}

/** A folder of commands: everything on PATH but `without`, and `scripts` by name. */
const commands = (
  parent: string,
  without: readonly string[],
  scripts: Record<string, string> = {},
): string => {
  const folder = join(parent, 'bin')
  mkdirSync(folder)
  for (const path of (process.env['PATH'] ?? '').split(':').reverse()) {
    for (const name of ['c++', 'g++', 'clang++', 'as', 'ld', 'cmake', 'make', 'ninja', 'sh']) {
      if (without.includes(name) || name in scripts) continue
      try {
        if (readdirSync(path).includes(name)) symlinkSync(join(path, name), join(folder, name))
      } catch {
        // A folder on PATH that does not exist, or a name that an earlier folder has.
      }
    }
  }
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

/** A compiler for which the library `name` does not exist. */
const compilerWithout = (name: string): Record<string, string> => {
  const script = `#!/bin/sh\ncase "$*" in *-l${name}*) exit 1;; esac\nexec /usr/bin/env PATH='${process.env['PATH']}' c++ "$@"\n`
  return { 'c++': script }
}

/** Machines on which the addon was never built: what they lack, and what the error must say. */
const lacking: readonly (readonly [string, (folder: string) => string, RegExp])[] = [
  ['a compiler', (folder) => commands(folder, ['c++', 'g++', 'clang++']), /lacks a C\+\+20 compiler.*g\+\+/s],
  ['cmake', (folder) => commands(folder, ['cmake']), /lacks CMake.*apt-get install -y cmake/s],
  ['make', (folder) => commands(folder, ['make', 'ninja']), /lacks ninja or make.*apt-get install -y make/s],
  [
    'OpenBLAS',
    (folder) => commands(folder, [], compilerWithout('openblas')),
    /lacks OpenBLAS.*apt-get install -y libopenblas-dev\n.*dnf install -y openblas-devel\n.*brew install openblas/s,
  ],
  [
    'Highway',
    (folder) => commands(folder, [], compilerWithout('hwy')),
    /lacks Highway.*apt-get install -y libhwy-dev\n.*dnf install -y highway-devel\n.*brew install highway/s,
  ],
]

for (const [name, path, message] of lacking) {
  test(`never built, for want of ${name}`, async (t) => {
    const folder = t.testdir({})
    const root = unbuilt(folder, 'checkout')
    withEnvironment({ PATH: path(folder), CXX: undefined, ONESTEP_NATIVE_PATH: undefined }, () => {
      const error = errorOf(() => openNative(nativePath(root), root))
      t.equal(error.code, 'ERR_NATIVE_MISSING')
      t.match(error.message, message)
      t.match(error.message, /Then type: npm run build/)
    })
  })
}

test('never built, although everything is here', async (t) => {
  for (const [where, message] of [
    ['checkout', /all it needs is here.*npm run build/s],
    [
      'dependency',
      /npm blocked the install script.*npm install-scripts approve onestep && npm rebuild onestep/s,
    ],
  ] as const) {
    const root = unbuilt(t.testdir({}), where)
    const error = withEnvironment({ ONESTEP_NATIVE_PATH: undefined }, () =>
      errorOf(() => openNative(nativePath(root), root)),
    )
    t.equal(error.code, 'ERR_NATIVE_MISSING')
    t.match(error.message, message)
  }
})

test('an addon whose results would be wrong is refused', async (t) => {
  const cases: readonly (readonly [Partial<SelfCheck>, RegExp])[] = [
    [{ choleskyResidual: 1e3 }, /wrong Cholesky factorization.*1000/],
    [{ luResidual: NaN }, /wrong LU factorization.*NaN/],
    [{ luResidual: residualLimit }, /wrong LU factorization/],
    [{ flushesSubnormals: true }, /subnormal numbers into zero.*-ffast-math/],
    [{ blas: { ...sane.blas, integerBits: 64 } }, /64-bit integers/],
  ]
  t.strictSame(unsound(sane), [])
  for (const [i, [change, message]] of cases.entries()) {
    const text = JSON.stringify({ ...sane, ...change }).replace(':null', ':NaN')
    const path = written(t, Buffer.from(`exports.selfCheck = () => (${text})`), `fake-${i}.cjs`)
    const error = errorOf(() => openNative(path))
    t.equal(error.code, 'ERR_NATIVE_UNSAFE')
    t.match(error.message, message)
  }
})

test('a single-threaded OpenBLAS is refused only for several threads', async (t) => {
  t.doesNotThrow(() => checkThreads(1, serial))
  t.doesNotThrow(() => checkThreads(64, sane))
  const error = errorOf(() => checkThreads(2, serial))
  t.equal(error.code, 'ERR_NATIVE_SINGLE_THREADED')
  t.match(error.message, /SINGLE_THREADED for 2 threads.*libopenblas0-pthread/)
})

test('the doctor', async (t) => {
  const report = doctor()
  t.equal(report.ok, true)
  t.strictSame(JSON.parse(JSON.stringify(report)), report, 'is JSON')
  for (const check of report.checks) t.equal(check.remedy === undefined, check.ok, check.name)
  t.ok(report.memory > 2 ** 20 && report.cores >= 1)
  t.strictSame(report.native, native().selfCheck())
})

test('the doctor of a broken installation says what to do and does not throw', async (t) => {
  const script = `
    const { doctor } = await import(process.argv[1])
    process.stdout.write(JSON.stringify(doctor()))
  `
  const module = new URL('../../lib/runtime/doctor.js', import.meta.url).href
  const env = { ...process.env, ONESTEP_NATIVE_PATH: '/nowhere/onestep.node' }
  const args = ['--input-type=module', '-e', script, module]
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  const report = JSON.parse(stdout) as ReturnType<typeof doctor>
  t.equal(report.ok, false)
  t.equal(report.native, null)
  t.match(report.checks.find(({ name }) => name === 'addon')?.remedy, /ONESTEP_NATIVE_PATH/)
})
