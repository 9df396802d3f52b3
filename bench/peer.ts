// A contestant in another process: Python, given the same numbers in files, measuring itself, one turn a line.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { OnestepError } from '../lib/index.js'
import type { timing } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'

/** What a peer says first: what computes there. */
export interface PeerAbout {
  /** Which of several methods plays. */
  readonly method?: string
  /** The BLAS of a peer that uses one: it must be OpenBLAS on one thread. */
  readonly blas?: { readonly config: string | null; readonly threads: number | null }
}

/** The numbers of a problem, and the names of the arrays that the peer leaves in its first pass. */
export interface PeerProblem<O extends string> {
  readonly arrays: Readonly<Record<string, Float64Array>>
  /** Sizes and limits, which follow the folder on the command line. */
  readonly sizes: readonly number[]
  readonly outputs: readonly O[]
  /** The Python modules that the peer imports; default NumPy alone. */
  readonly modules?: readonly string[]
}

export interface Peer<O extends string> {
  readonly about: PeerAbout
  readonly contestant: timing.Contestant
  /** What it computed in its first pass. */
  readonly outputs: Readonly<Record<O, Float64Array>>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Debian's Python, whose NumPy uses the system's OpenBLAS; ONESTEP_PYTHON names another. */
const python = (modules: readonly string[]): string => {
  const path =
    process.env['ONESTEP_PYTHON'] ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')
  const { status, stderr } = spawnSync(path, ['-c', `import ${modules.join(', ')}`], { encoding: 'utf8' })
  if (status === 0) return path
  throw new OnestepError(`Python, the peer of this bench, cannot load ${modules.join(' and ')}`, {
    code: 'ERR_PEER',
    received: `${path}: ${stderr?.trim().split('\n').pop() ?? 'does not run'}`,
    remedy:
      'Debian: apt-get install python3-numpy python3-scipy; or let ONESTEP_PYTHON name a Python that has them',
  })
}

/** One thread for every BLAS that NumPy may have; no files are left beside the scripts. */
const environment = {
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  PYTHONDONTWRITEBYTECODE: '1',
}

const checkBlas = ({ blas }: PeerAbout): void => {
  if (blas === undefined || (blas.config !== null && blas.threads === 1)) return
  throw new OnestepError('NumPy does not use OpenBLAS on one thread, so that nothing could be compared', {
    code: 'ERR_PEER',
    expected: 'OpenBLAS, 1 thread',
    received: `${blas.config ?? 'another BLAS'}, ${String(blas.threads ?? 'an unknown number of')} threads`,
    remedy:
      'Debian: apt-get install libopenblas0-pthread, and let update-alternatives choose it for libblas.so.3',
  })
}

/** Starts bench/peers/`script` on a problem, and checks what it computes with. */
export const startPeer = async <O extends string>(
  script: string,
  { arrays, sizes, outputs, modules = ['numpy'] }: PeerProblem<O>,
): Promise<Peer<O>> => {
  const path = python(modules)
  const folder = mkdtempSync(join(tmpdir(), 'onestep-peer-'))
  const file = (name: string): string => join(folder, `${name}.f64`)
  for (const [name, data] of Object.entries(arrays)) {
    writeFileSync(file(name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  const args = [join(packageRoot(), 'bench', 'peers', script), folder, ...sizes.map(String)]
  const child = spawn(path, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
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
  const output = (name: O): Float64Array => {
    const bytes = readFileSync(file(name))
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  }
  try {
    const about = JSON.parse(await next()) as PeerAbout
    checkBlas(about)
    return {
      about,
      contestant: async (calls) => {
        child.stdin.write(`${String(calls)}\n`)
        return Number(await next())
      },
      outputs: Object.fromEntries(outputs.map((name) => [name, output(name)])) as Record<O, Float64Array>,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
