// Work on a stream: several items under way, results in order, and no item asked for before there is room for it.
import { setMaxListeners } from 'node:events'

/**
 * Starts `work` on the items of `source`, at most `ahead` at one time, and yields what it returns, in order. When `work` fails,
 * or the consumer stops, the signal that `work` got is aborted, all that is under way is waited for, and the source is closed.
 * @param ended aborts, too, and ends the stream after what is under way
 */
export async function* inOrder<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  ahead: number,
  ended?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const items = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const controller = new AbortController()
  // One for each item that is under way.
  setMaxListeners(0, controller.signal)
  const stop = (): void => {
    controller.abort()
  }
  if (ended?.aborted === true) stop()
  ended?.addEventListener('abort', stop)
  const underWay: Promise<R>[] = []
  let exhausted = false
  try {
    for (;;) {
      while (!exhausted && !controller.signal.aborted && underWay.length < ahead) {
        const next = await items.next()
        if (next.done === true) {
          exhausted = true
        } else {
          underWay.push(work(next.value, controller.signal))
          // A failure is heard of when its turn comes.
          void underWay.at(-1)?.catch(() => undefined)
        }
      }
      const first = underWay[0]
      if (first === undefined) return
      const result = await first
      void underWay.shift()
      yield result
    }
  } finally {
    ended?.removeEventListener('abort', stop)
    stop()
    await Promise.allSettled(underWay)
    if (!exhausted) await items.return?.()
  }
}
