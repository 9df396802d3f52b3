// What it costs to differentiate K steps of gradient descent on a 200 × 200 quadratic in reverse: unrolling with checkpoints, beside
// strategies whose memory has no K in it. Each gradient is computed in a process of its own, as resident memory is a high-water mark.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { OnestepError } from '../lib/index.js'
import { packageRoot } from '../lib/runtime/native.js'
import { atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import type { UnrollCost, UnrollMethod } from './unrollOnce.js'

const script = join(packageRoot(), 'dist', 'bench', 'unrollOnce.js')

const costOf = (method: UnrollMethod, K: number): UnrollCost => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, method, String(K)], {
    encoding: 'utf8',
  })
  if (status === 0) return JSON.parse(stdout) as UnrollCost
  throw new OnestepError(`unrollMemory: the process that computes ${method} failed`, {
    code: 'ERR_BENCH',
    received: stderr,
  })
}

const megabytes = (bytes: number): number => bytes / 1e6

/** Others on the same problem, K = 50,000: processor seconds and megabytes. Measured once, on another machine. */
const recorded = {
  'jaxopt, unrolled': [52, 15_300],
  'torch, unrolled': [6.9, 505],
  'optimistix, checkpoints': [2.12, 1],
} as const

/** Strategies that keep no trajectory. */
const constant = ['one-step', 'truncated(1000)', 'neumann(1000)'] as const

/**
 * All figures; `quick`: K a fifth. Resident memory is the heap of JavaScript for the most part, which varies by some megabytes; the
 * states of 40,000 more steps would be 64 MB.
 */
export const unrollMemory = ({ quick }: { readonly quick: boolean }): Figure[] => {
  const [fewer, K] = quick ? [2_000, 10_000] : [10_000, 50_000]
  const title = (method: string, steps: number): string => `${method}, ${String(steps)} steps, 200 × 200`
  const own = costOf('sqrt', K)
  const exact = costOf('implicit', K).gradient
  return [
    atMost(`${title('unrolled, sqrt', K)}: processor seconds`, own.seconds, 2),
    atMost(`${title('unrolled, sqrt', K)}: resident MB`, megabytes(own.residentBytes), 50),
    atMost(
      `${title('unrolled, sqrt', K)}: gradient beside implicit, relative`,
      Math.abs(own.gradient / exact - 1),
      1e-9,
    ),
    ...constant.flatMap((method) => {
      const [short, long] = [costOf(method, fewer), costOf(method, K)]
      const times = `${String(K)} steps over ${String(fewer)}`
      return [
        reported(`${title(method, K)}: processor seconds`, long.seconds),
        reported(`${title(method, K)}: resident MB`, megabytes(long.residentBytes)),
        atMost(
          `${method}: resident MB more, ${times}`,
          megabytes(long.residentBytes - short.residentBytes),
          16,
        ),
        atMost(`${method}: planned memory, ${times}, ratio`, long.plannedBytes / short.plannedBytes, 1),
      ]
    }),
    ...Object.entries(recorded).flatMap(([name, [seconds, memory]]) => [
      reported(`recorded on another machine, 50000 steps: ${name}, processor seconds`, seconds),
      reported(`recorded on another machine, 50000 steps: ${name}, MB`, memory),
    ]),
  ]
}
