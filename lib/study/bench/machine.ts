// The machine that figures were measured on: they mean nothing without it.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { native } from '../../runtime/native.js'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  /** Average number of running processes of the last minute, before the measurement. */
  readonly load: number
  readonly node: string
  /** OpenBLAS: what it was built with, its kernel, its threads. */
  readonly blas: { readonly config: string; readonly core: string; readonly threads: number }
  /** The Highway target. */
  readonly simd: string
}

/** The machine in a line, for the head of a page. */
export const machineLine = ({ processor, cores, simd, node, blas }: Machine): string =>
  `${processor}, ${String(cores)} cores, ${simd}, OpenBLAS ${blas.core}, Node ${node}`

/** What this machine is, as the addon sees it. */
export const machine = (): Machine => {
  const { blas, simd } = native().selfCheck()
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? NaN,
    node: process.version,
    blas: { config: blas.config, core: blas.core, threads: blas.threads },
    simd,
  }
}
