// What a machine needs to build the addon, how to see whether it is there, and how to get it.
// Only Node's own modules: this runs before anything is installed. By hand: node scripts/machine.mjs [--json]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whether the module at `url` is the program that Node was started with. */
export const isMain = (url) =>
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url)

const atLeast = (version, [major, minor]) => {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

/** First line that `command` prints, or undefined when it is not there or fails. */
const firstLine = (command, ...args) => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
  return status === 0 ? stdout.split('\n')[0].trim() : undefined
}

const compilers = () => (process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'])
const compiler = () => compilers().find((name) => firstLine(name, '--version') !== undefined)

/** Where libraries may be beside the system's own paths, as CMake looks for them too. */
const prefixes = () =>
  [
    ...(process.env.CMAKE_PREFIX_PATH ?? '').split(/[:;]/),
    process.env.CONDA_PREFIX ?? '',
    ...['openblas', 'highway'].flatMap((name) => [`/opt/homebrew/opt/${name}`, `/usr/local/opt/${name}`]),
  ].filter((path) => path !== '' && existsSync(path))

/** Whether `source` compiles as C++20 and links with one of `libraries`: the same question the build asks. */
const links = (cxx, source, libraries) => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-probe-'))
  const paths = prefixes().flatMap((path) => [`-I${join(path, 'include')}`, `-L${join(path, 'lib')}`])
  try {
    return libraries.find((library) => {
      const args = ['-std=c++20', '-x', 'c++', '-', '-o', join(folder, 'a.out'), ...paths, `-l${library}`]
      return spawnSync(cxx, args, { input: source, timeout: 60_000 }).status === 0
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const library = (name, source, libraries) => () => {
  const cxx = compiler()
  if (cxx === undefined) return { ok: false, detail: `${name} cannot be checked without a C++ compiler` }
  const found = links(cxx, source, libraries)
  if (found !== undefined) return { ok: true, detail: `-l${found} compiles and links` }
  return { ok: false, detail: `no program can be compiled and linked with -l${libraries.join(' or -l')}` }
}

/** One entry per need: `probe` says whether it is there, `packages` what brings it. */
export const requirements = [
  {
    name: 'node',
    what: 'Node.js 20.19 or newer',
    packages: {},
    probe: () => ({ ok: atLeast(process.versions.node, [20, 19]), detail: process.version }),
  },
  {
    name: 'compiler',
    what: 'a C++20 compiler (g++ 11 or clang++ 14, or newer)',
    packages: { debian: ['g++'], fedora: ['gcc-c++'] },
    probe: () => {
      const cxx = compiler()
      if (cxx === undefined) return { ok: false, detail: `none of ${compilers().join(', ')} runs` }
      const source = '#include <atomic>\nint main() { int i = 0; return std::atomic_ref<int>(i).load(); }\n'
      const version = firstLine(cxx, '--version')
      if (links(cxx, source, ['m']) !== undefined) return { ok: true, detail: version }
      return { ok: false, detail: `${version} does not compile C++20` }
    },
  },
  {
    name: 'cmake',
    what: 'CMake 3.18 or newer',
    packages: { debian: ['cmake'], fedora: ['cmake'], macos: ['cmake'] },
    probe: () => {
      const version = firstLine('cmake', '--version')?.replace(/^cmake version /, '')
      if (version === undefined) return { ok: false, detail: 'cmake does not run' }
      return { ok: atLeast(version, [3, 18]), detail: version }
    },
  },
  {
    name: 'make',
    what: 'ninja or make',
    packages: { debian: ['make'], fedora: ['make'] },
    probe: () => {
      const found = [firstLine('ninja', '--version'), firstLine('make', '--version')].find(Boolean)
      return { ok: found !== undefined, detail: found ?? 'neither ninja nor make runs' }
    },
  },
  {
    name: 'openblas',
    what: 'OpenBLAS with LAPACK (development files)',
    packages: { debian: ['libopenblas-dev'], fedora: ['openblas-devel'], macos: ['openblas'] },
    probe: library(
      'OpenBLAS',
      'extern "C" void openblas_set_num_threads(int);\nextern "C" void dpotrf_();\n' +
        'int main() { openblas_set_num_threads(1); dpotrf_(); }\n',
      ['openblasp', 'openblas'],
    ),
  },
  {
    name: 'highway',
    what: 'Highway 1.0 or newer (development files)',
    packages: { debian: ['libhwy-dev'], fedora: ['highway-devel'], macos: ['highway'] },
    probe: library(
      'Highway',
      '#include <hwy/highway.h>\nint main() { return hwy::SupportedTargets() == 0; }\n',
      ['hwy'],
    ),
  },
]

/** Every requirement with `ok` and `detail`. About a second: it compiles and links three small programs. */
export const inspect = () => requirements.map(({ probe, ...rest }) => ({ ...rest, ...probe() }))

/** The packages of `system` that bring what is missing. */
export const packagesFor = (missing, system) => missing.flatMap(({ packages }) => packages[system] ?? [])

/** One block that names all that is missing, and what to type. */
export const advice = (missing) => {
  const lines = ['onestep cannot build its native addon here. Missing:']
  for (const { what, detail } of missing) lines.push(`  - ${what}: ${detail}`)
  const ways = [
    ['Debian, Ubuntu', 'debian', 'apt-get update && apt-get install -y', 'as root: '],
    ['Fedora, RHEL', 'fedora', 'dnf install -y', 'as root: '],
    ['macOS', 'macos', 'brew install', ''],
  ]
  const commands = ways
    .map(([title, system, command, as]) => [title, as, command, packagesFor(missing, system)])
    .filter(([, , , packages]) => packages.length > 0)
  if (commands.length > 0) lines.push('To install it, type:')
  for (const [title, as, command, packages] of commands) {
    lines.push(`  ${title.padEnd(15)} ${as}${command} ${packages.join(' ')}`)
  }
  if (missing.some(({ name }) => name === 'compiler')) {
    lines.push(`  ${'macOS'.padEnd(15)} xcode-select --install`)
  }
  if (missing.some(({ name }) => name === 'node'))
    lines.push('  Node.js         install version 20.19 or newer')
  return lines.join('\n')
}

if (isMain(import.meta.url)) {
  const found = inspect()
  const missing = found.filter(({ ok }) => !ok)
  if (process.argv.includes('--json')) {
    const block = missing.length === 0 ? null : advice(missing)
    console.log(JSON.stringify({ requirements: found, advice: block }))
  } else {
    for (const { name, ok, detail } of found) console.log(`${ok ? 'ok     ' : 'MISSING'} ${name}: ${detail}`)
    if (missing.length > 0) console.log(advice(missing))
  }
  process.exitCode = missing.length === 0 ? 0 : 1
}
