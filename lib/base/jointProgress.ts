// The progress of several runs as that of one. Imports types only.
import type { Progress } from './executor.js'
import type { Status } from './status.js'

type Part = Omit<Progress, 'seconds'>

const nothing: Part = { done: 0, total: 0, iterations: 0, statuses: {}, alive: 0 }

/**
 * For runs that belong together: each call of what this returns makes the `onProgress` of one more run, and `onProgress`
 * hears of the sums over all of them. `total` counts the runs that have reported; `seconds` begin with the first of them.
 */
export const jointProgress = (
  onProgress: (progress: Progress) => void,
): (() => (progress: Progress) => void) => {
  let [done, total, iterations, alive] = [0, 0, 0, 0]
  const statuses = new Map<Status, number>()
  let begun: number | undefined
  const add = (part: Part, sign: 1 | -1): void => {
    done += sign * part.done
    total += sign * part.total
    iterations += sign * part.iterations
    alive += sign * part.alive
    for (const [name, n] of Object.entries(part.statuses) as [Status, number][]) {
      statuses.set(name, (statuses.get(name) ?? 0) + sign * n)
    }
  }
  return () => {
    let last = nothing
    return (progress) => {
      begun ??= performance.now() - 1000 * progress.seconds
      add(last, -1)
      last = progress.done === progress.total ? { ...progress, alive: 0 } : progress
      add(last, 1)
      const counts = Object.fromEntries([...statuses].filter(([, n]) => n > 0))
      const seconds = (performance.now() - begun) / 1000
      onProgress({ done, total, iterations, statuses: counts, alive, seconds })
    }
  }
}
