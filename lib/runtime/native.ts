// The only file that knows the addon: where it is, what it exports, whether it can be trusted here, and
// when it cannot be loaded, exactly why and what to type.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NativeError } from '../base/errors.js'

/** What the addon says of its build and of this machine; residuals are LAPACK's test ratios. */
export interface SelfCheck {
  readonly blas: {
    /** `openblas_get_config()`. */
    readonly config: string
    /** The processor kernel that OpenBLAS chose. */
    readonly core: string
    /** Threads of BLAS itself; pinned to 1. */
    readonly threads: number
    /** A build without locks: silently wrong when several threads call it. */
    readonly singleThreaded: boolean
    readonly integerBits: number
  }
  /** The Highway target that kernels run on. */
  readonly simd: string
  /** Whether the processor turns subnormal numbers into zero on this thread. */
  readonly flushesSubnormals: boolean
  /** ‖A − LLᵀ‖₁ / (n ε ‖A‖₁), n = 48. */
  readonly choleskyResidual: number
  /** ‖PA − LU‖₁ / (n ε ‖A‖₁), n = 48. */
  readonly luResidual: number
}

/** Everything that the addon exports. */
export interface NativeAddon {
  selfCheck(): SelfCheck
}

/** LAPACK's own tests want their ratios below this. */
export const residualLimit = 30

/** The folder of package.json, from the sources (lib/) as from the compiled files (dist/lib/). */
export const packageRoot = (): string => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file) && readFileSync(file, 'utf8').includes('"name": "onestep"')) return folder
    if (folder === dirname(folder)) {
      throw new NativeError('The package.json of onestep was not found above its own files', {
        code: 'ERR_NATIVE_MISSING',
        remedy: 'The installation is damaged: install onestep again',
      })
    }
  }
}

/** Where the addon is looked for: ONESTEP_NATIVE_PATH alone if it is set, else the build folder. */
export const nativePath = (root = packageRoot()): string =>
  process.env['ONESTEP_NATIVE_PATH'] ?? join(root, 'build', 'Release', 'onestep.node')

/** One thing that building the addon needs, as scripts/machine.mjs reports it. */
export interface Requirement {
  readonly name: string
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

/** What this machine has of all that building the addon needs. Takes about a second. */
export const inspectMachine = (
  root = packageRoot(),
): { readonly requirements: readonly Requirement[]; readonly advice: string | null } => {
  const { stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'machine.mjs'), '--json'], {
    encoding: 'utf8',
  })
  try {
    return JSON.parse(stdout) as ReturnType<typeof inspectMachine>
  } catch (cause) {
    throw new NativeError('scripts/machine.mjs of onestep could not be run', {
      remedy: 'The installation is damaged: install onestep again',
      cause,
    })
  }
}

/** How to build the addon again, in a checkout and as somebody's dependency. */
const rebuild = (root: string): string =>
  root.includes(`${sep}node_modules${sep}`) ? 'npm rebuild onestep' : 'npm run build -- --force'

/** Why there is no file at `path`. */
const missing = (path: string, root: string): NativeError => {
  if (process.env['ONESTEP_NATIVE_PATH'] !== undefined) {
    return new NativeError('ONESTEP_NATIVE_PATH names a file that does not exist', {
      code: 'ERR_NATIVE_MISSING',
      expected: 'the path of an onestep.node',
      received: JSON.stringify(path),
      remedy: 'Correct the variable, or unset it to use the addon of the package',
    })
  }
  const { requirements, advice } = inspectMachine(root)
  const lacks = requirements.filter(({ ok }) => !ok)
  if (lacks.length > 0) {
    return new NativeError(
      `The native addon of onestep was not built (${path}), and this machine lacks ${lacks.map(({ what }) => what).join(', ')}`,
      { code: 'ERR_NATIVE_MISSING', remedy: `${advice ?? ''}\nThen type: ${rebuild(root)}` },
    )
  }
  return new NativeError(
    `The native addon of onestep was not built (${path}), although all it needs is here`,
    {
      code: 'ERR_NATIVE_MISSING',
      remedy: root.includes(`${sep}node_modules${sep}`)
        ? 'npm blocked the install script (npm 12 and newer do by default, or ignore-scripts is set). Type: ' +
          'npm install-scripts approve onestep && npm rebuild onestep'
        : 'Type: npm run build',
    },
  )
}

/** ELF's e_machine for the processors of `process.arch`. */
const elfMachines: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  riscv64: 243,
  ppc64: 21,
  s390x: 22,
}

/**
 * What is wrong with the ELF file at `path`, seen before the system loads it: of a truncated file dlopen
 * maps pages that are not there, and the process dies of SIGBUS.
 */
const elfFault = (path: string): string | undefined => {
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(64)
    const read = readSync(file, header, 0, 64, 0)
    if (read < 64 || header.toString('latin1', 0, 4) !== '\x7fELF') return 'it is no ELF file'
    if (header[4] !== 2 || header[5] !== 1) return 'it is no 64-bit little-endian file'
    const machine = header.readUInt16LE(18)
    if (machine !== (elfMachines[process.arch] ?? machine)) return 'it was built for another processor'
    const end = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60)
    return end > fstatSync(file).size ? 'it is cut off' : undefined
  } finally {
    closeSync(file)
  }
}

/** What the loader's message means; the first that matches. */
const loadFailures: readonly {
  readonly pattern: RegExp
  readonly code: string
  readonly what: (found: string) => string
  readonly remedy: (rebuild: string) => string
}[] = [
  {
    pattern: /(libopenblasp?[\w.-]*)(?=: cannot open|.*no such file)/i,
    code: 'ERR_NATIVE_LIBRARY',
    what: (name) => `The shared library ${name} (OpenBLAS) is not on this machine`,
    remedy: (again) =>
      'Debian, Ubuntu: apt-get install libopenblas0-pthread; Fedora: dnf install openblas-threads; ' +
      `macOS: brew install openblas. If the addon was built elsewhere, also type: ${again}`,
  },
  {
    pattern: /(libhwy[\w.-]*)(?=: cannot open|.*no such file)/i,
    code: 'ERR_NATIVE_LIBRARY',
    what: (name) => `The shared library ${name} (Highway) is not on this machine`,
    remedy: (again) =>
      'Debian: apt-get install libhwy1; Ubuntu: apt-get install libhwy-dev; Fedora: dnf install highway; ' +
      `macOS: brew install highway. If the addon was built elsewhere, also type: ${again}`,
  },
  {
    pattern: /(lib[\w.+-]+)(?=: cannot open|: version .* not found|.*no such file)/i,
    code: 'ERR_NATIVE_LIBRARY',
    what: (name) => `The shared library ${name} is missing or older than the one the addon was built with`,
    remedy: (again) => `Build the addon on this machine: ${again}`,
  },
  {
    pattern:
      /invalid elf header|file too short|wrong elf class|exec format|mach-o|not a valid|elf load command/i,
    code: 'ERR_NATIVE_FORMAT',
    what: () => 'The file is damaged, or was built for another operating system or processor',
    remedy: (again) => `Build the addon on this machine: ${again}`,
  },
  {
    pattern: /undefined symbol|symbol not found/i,
    code: 'ERR_NATIVE_LINK',
    what: () => 'The addon and a library that it uses do not fit together',
    remedy: (again) => `Build the addon against the libraries of this machine: ${again}`,
  },
]

const unloadable = (path: string): string => `The native addon of onestep cannot be loaded from ${path}`

const loadFailure = (path: string, root: string, cause: unknown): NativeError => {
  const text = cause instanceof Error ? cause.message : String(cause)
  for (const { pattern, code, what, remedy } of loadFailures) {
    const match = pattern.exec(text)
    if (match === null) continue
    return new NativeError(
      `The native addon of onestep cannot be loaded from ${path}. ${what(match[1] ?? '')}`,
      {
        code,
        received: JSON.stringify(text),
        remedy: remedy(rebuild(root)),
        cause,
      },
    )
  }
  return new NativeError(unloadable(path), {
    received: JSON.stringify(text),
    remedy: `Build it again: ${rebuild(root)}`,
    cause,
  })
}

/** Everything about `check` that would make results wrong; empty on a sound machine. */
export const unsound = (check: SelfCheck): readonly NativeError[] => {
  const { blas } = check
  const unsafe = (what: string, remedy: string): NativeError =>
    new NativeError(what, { code: 'ERR_NATIVE_UNSAFE', received: blas.config, remedy })
  const found: NativeError[] = []
  const threaded =
    'Install the threaded OpenBLAS with 32-bit integers (Debian: apt-get install libopenblas0-pthread)'
  if (blas.integerBits !== 32) found.push(unsafe('This OpenBLAS has 64-bit integers', threaded))
  for (const [name, residual] of [
    ['Cholesky', check.choleskyResidual],
    ['LU', check.luResidual],
  ] as const) {
    if (residual < residualLimit) continue
    const what = `OpenBLAS computes a wrong ${name} factorization here (test ratio ${residual}, limit ${residualLimit})`
    found.push(unsafe(what, 'Update OpenBLAS, or set OPENBLAS_CORETYPE=Haswell before Node starts'))
  }
  if (check.flushesSubnormals) {
    const what = 'The processor turns subnormal numbers into zero on this thread'
    found.push(unsafe(what, 'Another addon was built with -ffast-math: load onestep without it'))
  }
  return found
}

/**
 * Loads an addon and runs its self-check.
 * @throws {NativeError} `ERR_NATIVE_MISSING` when it was never built, `ERR_NATIVE_LIBRARY`, `ERR_NATIVE_FORMAT`
 * or `ERR_NATIVE_LINK` when it cannot be loaded, `ERR_NATIVE_UNSAFE` when its results would be wrong here.
 */
export const openNative = (path: string, root = packageRoot()): NativeAddon => {
  if (!existsSync(path)) throw missing(path, root)
  const fault = process.platform === 'linux' && path.endsWith('.node') ? elfFault(path) : undefined
  if (fault !== undefined) {
    throw new NativeError(`${unloadable(path)}: ${fault}`, {
      code: 'ERR_NATIVE_FORMAT',
      remedy: `Build the addon on this machine: ${rebuild(root)}`,
    })
  }
  let addon: NativeAddon
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon
  } catch (cause) {
    throw loadFailure(path, root, cause)
  }
  if (typeof addon.selfCheck !== 'function') {
    throw new NativeError(`${path} is no addon of this version of onestep`, {
      code: 'ERR_NATIVE_FORMAT',
      remedy: `Build it again: ${rebuild(root)}`,
    })
  }
  const [first] = unsound(addon.selfCheck())
  if (first !== undefined) throw first
  return addon
}

let loaded: NativeAddon | undefined

/** The addon of this package, loaded once per thread. Errors as in `openNative`. */
export const native = (): NativeAddon => (loaded ??= openNative(nativePath()))

/**
 * Refuses to compute on `threads` threads with an OpenBLAS that has no locks: measured, such a build
 * returns wrong numbers without a word. One thread is fine.
 * @throws {NativeError} `ERR_NATIVE_SINGLE_THREADED`
 */
export const checkThreads = (threads: number, check: SelfCheck = native().selfCheck()): void => {
  if (threads <= 1 || !check.blas.singleThreaded) return
  throw new NativeError('This OpenBLAS is single-threaded: several threads that call it get wrong numbers', {
    code: 'ERR_NATIVE_SINGLE_THREADED',
    expected: 'a threaded OpenBLAS, or 1 thread',
    received: `${check.blas.config} for ${threads} threads`,
    remedy:
      'Debian: apt-get install libopenblas0-pthread && update-alternatives --auto ' +
      'libopenblas.so.0-$(gcc -dumpmachine); Fedora: dnf install openblas-threads, then build again',
  })
}
