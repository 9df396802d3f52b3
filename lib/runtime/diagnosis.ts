// Why the addon is not there or cannot be loaded, and what to type.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NativeError } from '../base/errors.js'

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

/** The version of this package. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { readonly version: string })
    .version

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
export const rebuild = (root: string): string =>
  root.includes(`${sep}node_modules${sep}`) ? 'npm rebuild onestep' : 'npm run build -- --force'

/** Why there is no file at `path`. */
export const missing = (path: string, root: string): NativeError => {
  if (process.env['ONESTEP_NATIVE_PATH'] !== undefined) {
    return new NativeError('ONESTEP_NATIVE_PATH names a file that does not exist', {
      code: 'ERR_NATIVE_MISSING',
      expected: 'the path of a compiled addon',
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
 * What is wrong with the binary at `path`, seen before the system loads it: of a truncated ELF file
 * dlopen maps pages that are not there, and the process dies of SIGBUS. Linux only.
 */
export const damage = (path: string): string | undefined => {
  if (process.platform !== 'linux') return undefined
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

const unloadable = (path: string): string => `The native addon of onestep cannot be loaded from ${path}`

/** The error for a binary with `damage`. */
export const damaged = (path: string, root: string, fault: string): NativeError =>
  new NativeError(`${unloadable(path)}: ${fault}`, {
    code: 'ERR_NATIVE_FORMAT',
    remedy: `Build the addon on this machine: ${rebuild(root)}`,
  })

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

/** Why the system could not load the binary at `path`. */
export const loadFailure = (path: string, root: string, cause: unknown): NativeError => {
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
