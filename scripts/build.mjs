// The addon and tsc, each only when something it reads has changed. By hand:
//   npm run build [-- --force]      the addon and TypeScript
//   npm run build -- --native       the addon, and the programs onestep_tests, onestep_race, onestep_bench
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { isMain, root } from './machine.mjs'

/** All files under `folder` (absolute paths), none when it does not exist. */
export const filesUnder = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort()
    : []

/** Changes whenever a file of `paths` is added, removed, or written. */
const fingerprint = (paths) => {
  const hash = createHash('sha256')
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false })
    hash.update(`${relative(root, path)} ${stat?.size} ${stat?.mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/**
 * A build step that knows whether it has anything to do.
 * @param {string} stamp where it notes what it has read
 * @param {string} output a file that it surely writes
 * @param {() => string[]} inputs the files that it reads
 * @param {() => void} run
 */
export const step = (stamp, output, inputs, run) => {
  const state = () => fingerprint([output, ...inputs()])
  const fresh = () => existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === state()
  const build = ({ force = false } = {}) => {
    if (!force && fresh()) return
    const before = fingerprint(inputs())
    run()
    // A file that changed meanwhile may or may not have been read: then the next call builds again.
    if (before === fingerprint(inputs())) writeFileSync(stamp, state())
  }
  return { fresh, build }
}

/** Runs Node on `args` with all output on stderr; ends this process when it fails. */
const node = (args, env = process.env) => {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 2, 2] })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

const note = (text) => process.stderr.write(`onestep: ${text}\n`)
const versions = ['package.json', 'package-lock.json'].map((name) => join(root, name))

const sourceFolders = ['lib', 'bench', 'test', 'examples']
const typeScriptSources = () =>
  sourceFolders.flatMap((name) => filesUnder(join(root, name))).filter((path) => path.endsWith('.ts'))

/** Removes what tsc once wrote for sources that are gone: a stale test must not run. */
const prune = () => {
  for (const path of sourceFolders.flatMap((name) => filesUnder(join(root, 'dist', name)))) {
    const source = relative(join(root, 'dist'), path).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts')
    if (!existsSync(join(root, source))) rmSync(path)
  }
}

export const typeScript = step(
  join(root, 'dist', '.stamp'),
  join(root, 'dist', '.tsbuildinfo'),
  () => [...typeScriptSources(), join(root, 'tsconfig.json'), ...versions],
  () => {
    note('compiling TypeScript')
    prune()
    if (!existsSync(join(root, 'dist', 'lib'))) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true })
    node([join(root, 'node_modules', 'typescript', 'bin', 'tsc')])
  },
)

const native = () => [...filesUnder(join(root, 'native')), join(root, 'CMakeLists.txt'), ...versions]

/** CMake refuses a build folder that was configured elsewhere, or whose compiler is gone. */
const dropForeignCache = (folder) => {
  const path = join(folder, 'CMakeCache.txt')
  if (!existsSync(path)) return
  const cache = readFileSync(path, 'utf8')
  const entry = (name) => new RegExp(`^${name}:[A-Z]+=(.*)$`, 'm').exec(cache)?.[1] ?? ''
  const same =
    existsSync(entry('CMAKE_HOME_DIRECTORY')) &&
    realpathSync(entry('CMAKE_HOME_DIRECTORY')) === realpathSync(root)
  if (!same || !existsSync(entry('CMAKE_COMMAND')) || !existsSync(entry('CMAKE_CXX_COMPILER'))) {
    rmSync(folder, { recursive: true })
  }
}

const cmakeBuild = (folder, ...options) => {
  dropForeignCache(folder)
  mkdirSync(folder, { recursive: true })
  // A user's nodedir setting must not decide where the headers come from: they are in node_modules.
  const { npm_config_nodedir: _, ...env } = process.env
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js')
  node(
    [
      cmakeJs,
      'build',
      '--directory',
      root,
      '--out',
      folder,
      '--parallel',
      '2',
      '--log-level',
      'error',
      ...options,
    ],
    env,
  )
}

/** The CMake target `target` in a build folder of its own options. */
const binary = (folder, target, file, ...options) => {
  const output = join(folder, 'Release', file)
  const { fresh, build } = step(join(folder, `.stamp-${target}`), output, native, () => {
    note(`compiling ${relative(root, output)}`)
    cmakeBuild(folder, '--target', target, ...options)
  })
  return { path: output, fresh, build }
}

const build = join(root, 'build')

/** The addon and the programs of a build folder: all of the same options. */
const binaries = (folder, ...options) => ({
  addon: binary(folder, 'onestep', 'onestep.node', ...options),
  /** The stand-alone tests of the C++ floors. */
  tests: binary(folder, 'onestep_tests', 'onestep_tests', ...options),
  /** Jobs that many threads share, again and again. */
  race: binary(folder, 'onestep_race', 'onestep_race', ...options),
  /** The stand-alone measurements of the kernels. */
  bench: binary(folder, 'onestep_bench', 'onestep_bench', ...options),
})

/** What is shipped, and what is built beside it. */
export const release = binaries(build)
export const { addon } = release
/** The same with AddressSanitizer and UndefinedBehaviorSanitizer, and with ThreadSanitizer. */
export const sanitized = {
  address: binaries(join(build, 'address'), '--CDONESTEP_SANITIZE=address'),
  thread: binaries(join(build, 'thread'), '--CDONESTEP_SANITIZE=thread'),
}

if (isMain(import.meta.url)) {
  const force = process.argv.includes('--force')
  addon.build({ force })
  if (process.argv.includes('--native')) {
    for (const program of [release.tests, release.race, release.bench]) program.build({ force })
  } else {
    typeScript.build({ force })
  }
}
