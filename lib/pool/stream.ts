// Work on a stream: several items under way, results in order, and no item asked for before there is room for it.
import { setMaxListeners } from 'node:events'

type Event<T, R> = { readonly item: IteratorResult<T> } | { readonly result: R }

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
  const { signal } = controller
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve()
    })
  })
  const underWay: Promise<R>[] = []
  /** What the source was asked for, and has not given yet. */
  let asked: Promise<IteratorResult<T>> | undefined
  let exhausted = false
  try {
    for (;;) {
      const open: boolean = !exhausted && !signal.aborted
      if (open && underWay.length < ahead) asked ??= Promise.resolve(items.next())
      const [first] = underWay
      if (first === undefined && !open) return
      // A source may be silent, or wait for results: whatever comes first is dealt with.
      const event: Event<T, R> | undefined = await Promise.race<Event<T, R> | undefined>([
        ...(asked === undefined || !open ? [] : [asked.then((item) => ({ item }))]),
        ...(first === undefined ? [] : [first.then((result) => ({ result }))]),
        ...(open ? [aborted.then(() => undefined)] : []),
      ])
      if (event === undefined) continue
      if ('result' in event) {
        void underWay.shift()
        yield event.result
      } else {
        asked = undefined
        exhausted = event.item.done === true
        if (event.item.done === true) continue
        underWay.push(work(event.item.value, signal))
        // A failure is heard of when its turn comes.
        void underWay.at(-1)?.catch(() => undefined)
      }
    }
  } finally {
    ended?.removeEventListener('abort', stop)
    stop()
    await Promise.allSettled(underWay)
    if (!exhausted) await closed(items, asked)
  }
}

/** Closes a source; one that has not answered yet may never do so, and is not waited for. */
const closed = async <T>(
  items: Iterator<T> | AsyncIterator<T>,
  asked: Promise<IteratorResult<T>> | undefined,
): Promise<void> => {
  const closing = Promise.resolve(items.return?.())
  if (asked === undefined) {
    await closing
  } else {
    asked.catch(() => undefined)
    closing.catch(() => undefined)
  }
}
