// A contestant in another process: NumPy, given the same numbers in files, measuring itself, one turn a line.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { OnestepError } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'
import type { Contestant } from './timing.js'

/** What computes there. */
export interface PeerLibraries {
  readonly numpy: string
  readonly scipy: string
  readonly blas: { readonly config: string | null; readonly threads: number | null }
}

export interface Peer {
  readonly libraries: PeerLibraries
  readonly contestant: Contestant
  /** What it computed in its first pass. */
  readonly gradients: Float64Array
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** One or many problems, batch first. */
export interface PeerProblem {
  readonly batch: number
  readonly n: number
  readonly p: number
  /** [batch, n, p] */
  readonly features: Float64Array
  /** [batch, n] */
  readonly labels: Float64Array
  /** [batch, n] */
  readonly weights: Float64Array
}

/** Debian's Python, whose NumPy uses the system's OpenBLAS; ONESTEP_PYTHON names another. */
const python = (): string => {
  const path =
    process.env['ONESTEP_PYTHON'] ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')
  const { status, stderr } = spawnSync(path, ['-c', 'import numpy, scipy.linalg'], { encoding: 'utf8' })
  if (status === 0) return path
  throw new OnestepError('NumPy and SciPy, the peers of this bench, cannot be loaded', {
    code: 'ERR_PEER',
    received: `${path}: ${stderr?.trim().split('\n').pop() ?? 'does not run'}`,
    remedy:
      'Debian: apt-get install python3-numpy python3-scipy; or let ONESTEP_PYTHON name a Python that has them',
  })
}

/** One thread for every BLAS that NumPy may have. */
const oneThread = { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }

const checkBlas = ({ blas }: PeerLibraries): void => {
  if (blas.config !== null && blas.threads === 1) return
  throw new OnestepError('NumPy does not use OpenBLAS on one thread, so that nothing could be compared', {
    code: 'ERR_PEER',
    expected: 'OpenBLAS, 1 thread',
    received: `${blas.config ?? 'another BLAS'}, ${String(blas.threads ?? 'an unknown number of')} threads`,
    remedy:
      'Debian: apt-get install libopenblas0-pthread, and let update-alternatives choose it for libblas.so.3',
  })
}

/** Starts bench/peers/`script` on a problem, and checks what it computes with. */
export const startPeer = async (script: string, problem: PeerProblem): Promise<Peer> => {
  const path = python()
  const folder = mkdtempSync(join(tmpdir(), 'onestep-peer-'))
  const { batch, n, p, features, labels, weights } = problem
  for (const [name, data] of Object.entries({ features, labels, weights })) {
    writeFileSync(join(folder, `${name}.f64`), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  const args = [join(packageRoot(), 'bench', 'peers', script), folder, ...[batch, n, p].map(String)]
  const child = spawn(path, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...oneThread },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const stop = async (): Promise<void> => {
    child.stdin.end()
    if (child.exitCode === null) await new Promise((resolve) => child.once('close', resolve))
    rmSync(folder, { recursive: true, force: true })
  }
  const next = async (): Promise<string> => {
    const line: IteratorResult<string, unknown> = await lines.next()
    if (line.done !== true) return line.value
    throw new OnestepError(`${script} ended early`, {
      code: 'ERR_PEER',
      remedy: 'Its own message stands above',
    })
  }
  try {
    const libraries = JSON.parse(await next()) as PeerLibraries
    checkBlas(libraries)
    const bytes = readFileSync(join(folder, 'gradients.f64'))
    return {
      libraries,
      contestant: async (calls) => {
        child.stdin.write(`${String(calls)}\n`)
        return Number(await next())
      },
      gradients: new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
