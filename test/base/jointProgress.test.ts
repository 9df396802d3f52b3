// The progress of several runs as that of one, against sums made by hand.
import { test } from 'tap'
import type { Progress } from '../../lib/base/executor.js'
import { jointProgress } from '../../lib/base/jointProgress.js'

test('counts are summed over runs, whatever the order of their reports', async (t) => {
  const seen: Progress[] = []
  const part = jointProgress((progress) => seen.push(progress))
  const [a, b] = [part(), part()]
  a({ done: 1, total: 4, iterations: 10, statuses: { converged: 1 }, alive: 1, seconds: 0.5 })
  b({ done: 2, total: 3, iterations: 7, statuses: { maxSteps: 1, converged: 1 }, alive: 2, seconds: 0.1 })
  a({ done: 4, total: 4, iterations: 40, statuses: { converged: 3, singular: 1 }, alive: 2, seconds: 1 })
  b({ done: 3, total: 3, iterations: 9, statuses: { maxSteps: 3 }, alive: 1, seconds: 0.2 })
  t.strictSame(
    seen.map(({ seconds: _, ...counts }) => counts),
    [
      { done: 1, total: 4, iterations: 10, statuses: { converged: 1 }, alive: 1 },
      { done: 3, total: 7, iterations: 17, statuses: { converged: 2, maxSteps: 1 }, alive: 3 },
      { done: 6, total: 7, iterations: 47, statuses: { converged: 4, maxSteps: 1, singular: 1 }, alive: 2 },
      { done: 7, total: 7, iterations: 49, statuses: { converged: 3, maxSteps: 3, singular: 1 }, alive: 0 },
    ],
  )
  const seconds = seen.map((progress) => progress.seconds)
  t.ok((seconds[0] as number) >= 0.5, 'the first run had been going for half a second')
  t.strictSame(
    seconds,
    [...seconds].sort((x, y) => x - y),
    'time does not go back',
  )
})
