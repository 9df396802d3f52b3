// What the rows of a study may depend on beside the study itself: versions, BLAS, processor, limits, the state of the study's folder.
// It is recorded in environment.json. No environment variable is recorded, and no secret of the command line.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, hostname, release, totalmem, type as systemType } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { checkOptions } from '../base/errors.js'
import { packageRoot } from '../runtime/diagnosis.js'
import { native } from '../runtime/native.js'

export interface Environment {
  readonly onestep: string
  readonly node: string
  readonly v8: string
  /** 'linux-x64'. */
  readonly platform: string
  readonly system: string
  readonly host: string
  readonly processor: string
  readonly cores: {
    readonly machine: number
    /** That this process may use. */
    readonly allowed: number
    /** The container's share of processor time, in cores; null: no limit. */
    readonly quota: number | null
  }
  readonly memory: {
    readonly machine: number
    /** That this process may use, in bytes; null: no limit. */
    readonly limit: number | null
  }
  /** null where the addon cannot be loaded. */
  readonly native: {
    readonly blas: string
    /** The processor kernel that OpenBLAS chose. */
    readonly core: string
    readonly threads: number
    readonly simd: string
  } | null
  /** Versions of the packages that onestep uses, by name; null where an optional one is not installed. */
  readonly packages: Readonly<Record<string, string | null>>
  /** Of the study's folder; null where it is in no repository. */
  readonly git: { readonly commit: string; readonly changed: boolean } | null
  /** Of the first lock file in the study's folder or above it. */
  readonly lockfile: { readonly name: string; readonly sha256: string } | null
  /** The command line, without passwords. */
  readonly command: readonly string[]
  readonly seed?: number
  readonly time: string
  readonly timeZone: string
}

export interface EnvironmentOptions {
  /** The study's folder: its repository and lock file; default the current folder. */
  readonly folder?: string
  readonly seed?: number
  /** Default: that of this process. */
  readonly command?: readonly string[]
}

const attempt = <T>(read: () => T, otherwise: T): T => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const secretName = /(pass(word|wd|phrase)?|secret|token|credential|api-?key|auth)/i

/** The arguments of a command without what may be a secret: passwords in URLs, values of options and queries with such names. */
export const withoutSecrets = (command: readonly string[]): string[] =>
  command.map((argument, i) => {
    const before = command[i - 1] ?? ''
    if (/^--?[^=]*$/.test(before) && before.startsWith('-') && secretName.test(before)) return '***'
    const [, option = ''] = /^(--?[^=]+=)/.exec(argument) ?? []
    if (option !== '' && secretName.test(option)) return `${option}***`
    return (
      argument
        // Up to the last @: a password may have one that is not encoded.
        .replace(/([a-z][a-z0-9+.-]*:\/\/)(.*)@/gi, (_, scheme: string, account: string) => {
          const user = account.split(':')[0] ?? ''
          return `${scheme}${account.includes(':') ? `${user}:***` : '***'}@`
        })
        .replace(/([?&][^=&]*=)[^&\s]*/g, (whole, name: string) =>
          secretName.test(name) ? `${name}***` : whole,
        )
    )
  })

/** package.json of a package that onestep would load. */
const versionOf = (name: string): string | null => {
  for (let folder = packageRoot(); ; folder = dirname(folder)) {
    const text = attempt(() => readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'), '')
    if (text !== '') return attempt(() => (JSON.parse(text) as { version: string }).version, null)
    if (folder === dirname(folder)) return null
  }
}

const packages = (): { readonly onestep: string; readonly versions: Environment['packages'] } => {
  const {
    version,
    dependencies = {},
    peerDependencies = {},
  } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    readonly version: string
    readonly dependencies?: object
    readonly peerDependencies?: object
  }
  const names = [...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort()
  return { onestep: version, versions: Object.fromEntries(names.map((name) => [name, versionOf(name)])) }
}

/** Cores that the container's quota amounts to. */
const coreQuota = (): number | null => {
  const [quota = NaN, period = NaN] = attempt(
    () => readFileSync('/sys/fs/cgroup/cpu.max', 'utf8'),
    attempt(
      () =>
        ['cpu.cfs_quota_us', 'cpu.cfs_period_us']
          .map((name) => readFileSync(`/sys/fs/cgroup/cpu/${name}`, 'utf8').trim())
          .join(' '),
      '',
    ),
  )
    .split(/\s+/)
    .map(Number)
  return quota > 0 && period > 0 ? quota / period : null
}

const nativeFacts = (): Environment['native'] =>
  attempt(() => {
    const { blas, simd } = native().selfCheck()
    return { blas: blas.config.trim(), core: blas.core, threads: blas.threads, simd }
  }, null)

const run = promisify(execFile)

/** Git is asked to change nothing, and to start nothing that the repository asks for. */
const git = async (folder: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await run('git', ['-C', folder, '-c', 'core.fsmonitor=false', ...args], {
    timeout: 10_000,
    maxBuffer: 1 << 24,
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
  })
  return stdout.trim()
}

const gitState = async (folder: string): Promise<Environment['git']> => {
  try {
    const commit = await git(folder, 'rev-parse', 'HEAD')
    return { commit, changed: (await git(folder, 'status', '--porcelain', '--', '.')) !== '' }
  } catch {
    return null
  }
}

const lockNames = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']

const lockfile = async (from: string): Promise<Environment['lockfile']> => {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const name of lockNames) {
      const bytes = await readFile(join(folder, name)).catch(() => undefined)
      if (bytes !== undefined) return { name, sha256: createHash('sha256').update(bytes).digest('hex') }
    }
    if (folder === dirname(folder)) return null
  }
}

/** What is here now; never throws for what it finds. */
export const environment = async (options: EnvironmentOptions = {}): Promise<Environment> => {
  checkOptions('environment', options, ['folder', 'seed', 'command'])
  const { seed, command = process.argv.slice(1) } = options
  const folder = resolve(options.folder ?? '.')
  const { onestep, versions } = packages()
  const limit = process.constrainedMemory()
  return {
    onestep,
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform}-${process.arch}`,
    system: `${systemType()} ${release()}`,
    host: hostname(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: { machine: cpus().length, allowed: availableParallelism(), quota: coreQuota() },
    memory: { machine: totalmem(), limit: limit > 0 && limit < totalmem() ? limit : null },
    native: nativeFacts(),
    packages: versions,
    git: await gitState(folder),
    lockfile: await lockfile(folder),
    command: withoutSecrets(command),
    ...(seed === undefined ? {} : { seed }),
    time: new Date().toISOString(),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }
}

/** The facts of an environment by their paths: 'memory.limit' → '2147483648'. */
export const environmentFacts = (value: unknown): Map<string, string> => {
  const facts = new Map<string, string>()
  const visit = (x: unknown, path: string): void => {
    if (typeof x === 'object' && x !== null && !Array.isArray(x)) {
      for (const [key, entry] of Object.entries(x)) visit(entry, path === '' ? key : `${path}.${key}`)
    } else if (x !== undefined) {
      const text = Array.isArray(x) ? x.map(String).join(' ') : x === null ? 'none' : JSON.stringify(x)
      facts.set(path, typeof x === 'string' ? x : text)
    }
  }
  visit(value, '')
  return facts
}

/** Facts that differ from run to run and mean nothing for the rows. */
const passing = new Set(['time', 'timeZone', 'command', 'host', 'seed'])

/** Where two environments differ in what the rows may depend on: path, before, after. */
export const environmentDifferences = (
  before: unknown,
  after: unknown,
): readonly (readonly [path: string, before: string, after: string])[] => {
  const [was, is] = [environmentFacts(before), environmentFacts(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => !passing.has(path) && was.get(path) !== is.get(path))
    .map((path) => [path, was.get(path) ?? 'none', is.get(path) ?? 'none'] as const)
}
