// What `onestep doctor` shows: everything that decides whether onestep runs here, and how fast, as data.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { inspectMachine, packageRoot } from './diagnosis.js'
import { checkThreads, native, nativePath, residualLimit } from './native.js'
import type { SelfCheck } from './native.js'

/** One line of the report. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly value: string
  /** What to do; only where `ok` is false. */
  readonly remedy?: string
}

export interface DoctorReport {
  /** Whether onestep can compute here. A missing compiler does not matter once the addon is there. */
  readonly ok: boolean
  readonly node: string
  readonly version: string
  readonly platform: string
  readonly processor: string
  readonly cores: number
  /** Bytes that this process may use: the machine's memory, or its container's limit. */
  readonly memory: number
  readonly addon: string
  readonly native: SelfCheck | null
  readonly checks: readonly Check[]
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs `probe`; what it throws becomes the remedy. */
const attempt = (name: string, probe: () => string): Check => {
  try {
    return { name, ok: true, value: probe() }
  } catch (error) {
    return { name, ok: false, value: 'failed', remedy: messageOf(error) }
  }
}

/** Inspects this machine and this installation. Takes about a second; never throws for what it finds. */
export const doctor = (): DoctorReport => {
  const root = packageRoot()
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const cores = availableParallelism()
  const limit = process.constrainedMemory()
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem()

  const { requirements, advice } = inspectMachine(root)
  const building = requirements.map(({ name, what, ok, detail }): Check => {
    const check = { name: name === 'node' ? name : `build: ${name}`, ok, value: detail }
    return ok ? check : { ...check, remedy: `Needed: ${what}. ${advice ?? ''}` }
  })
  let self: SelfCheck | null = null
  const loading = attempt('addon', () => {
    self = native().selfCheck()
    return nativePath(root)
  })
  const running: readonly Check[] = self === null ? [] : soundness(self, cores)
  const needed = [...building.filter(({ name }) => name === 'node'), loading, ...running]
  return {
    ok: needed.every(({ ok }) => ok),
    node: process.version,
    version,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores,
    memory,
    addon: nativePath(root),
    native: self,
    checks: [...building, loading, ...running],
  }
}

/** A set OPENBLAS_CORETYPE overrides what OpenBLAS knows of this processor, for better or worse. */
const coreOrigin = (): string => {
  const chosen = process.env['OPENBLAS_CORETYPE']
  return chosen === undefined ? '' : ` (OPENBLAS_CORETYPE=${chosen})`
}

/** The checks of a loaded addon; that it loaded says that its residuals are in bounds. */
const soundness = (self: SelfCheck, cores: number): readonly Check[] => [
  attempt('blas', () => self.blas.config),
  { name: 'blas core', ok: true, value: self.blas.core + coreOrigin() },
  attempt('blas in a pool', () => {
    checkThreads(cores, self)
    return `safe on ${cores} threads`
  }),
  {
    name: 'blas threads',
    ok: self.blas.threads === 1,
    value: String(self.blas.threads),
    ...(self.blas.threads === 1
      ? {}
      : { remedy: 'Something set the threads of OpenBLAS after onestep was loaded' }),
  },
  { name: 'simd', ok: true, value: self.simd },
  {
    name: 'Cholesky test ratio',
    ok: true,
    value: `${self.choleskyResidual.toPrecision(2)} of ${residualLimit}`,
  },
  { name: 'LU test ratio', ok: true, value: `${self.luResidual.toPrecision(2)} of ${residualLimit}` },
]
