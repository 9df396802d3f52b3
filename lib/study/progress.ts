// How far a run is, for people: a bar on a terminal, a line now and then elsewhere. Imports types and errors of lib/base.
import cliProgress from 'cli-progress'
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Progress } from '../base/executor.js'

export interface ProgressOptions {
  /** Stands in front of the line; default none. */
  readonly label?: string
  /** Instances in all, where the runs that have begun do not yet say: a stream of batches, runs that are yet to come. */
  readonly total?: number
  /** Where it is written; default standard error. A bar where `isTTY` is true, lines elsewhere. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Seconds between two lines where the stream is no terminal; default 5. */
  readonly interval?: number
  /** Writes nothing at all; default false. */
  readonly quiet?: boolean
}

/** What of a Progress is shown. */
export type ShownProgress = Pick<Progress, 'done' | 'total' | 'statuses' | 'seconds'>

/** Shows what it is called with; goes where a run takes `onProgress`. */
export interface ProgressReporter {
  (progress: ShownProgress): void
  /** Shows what it was called with last, and ends the line. Needed only after a run that ended early. */
  close(): void
  [Symbol.dispose](): void
}

/**
 * Reports how far a run is: instances done and in all, how many a second, the time that is left at that rate, and the
 * statuses that are not `converged`. The line ends when all instances have; several runs in one line are `jointProgress`.
 * A run that ends early leaves its line open, which `close` ends. It never keeps the process alive.
 * @throws {ArgumentError} on unknown options, and a total or an interval that is no number ≥ 0
 */
export const progressReporter = (options: ProgressOptions = {}): ProgressReporter => {
  checkOptions('progressReporter', options, ['label', 'total', 'stream', 'interval', 'quiet'])
  const { label = '', total = 0, stream = process.stderr, interval = 5, quiet = false } = options
  for (const [name, value] of Object.entries({ total, interval })) {
    if (typeof value === 'number' && value >= 0) continue
    throw new ArgumentError(`progressReporter: option ${name}`, {
      expected: 'a number ≥ 0',
      received: String(value),
    })
  }
  const display = quiet
    ? silence
    : stream.isTTY === true
      ? bar(stream, label)
      : lines(stream, label, interval)
  let open = false
  let last: ShownProgress | undefined
  const close = (): void => {
    if (open) display.end()
    open = false
  }
  const report = (given: ShownProgress): void => {
    const progress = { ...given, total: Math.max(given.total, total) }
    const ended = progress.done === progress.total
    // A run may say twice that all is done.
    if (ended && !open && last?.done === progress.done) return
    display.show(progress, !open)
    open = true
    last = progress
    if (ended) close()
  }
  return Object.assign(report, { close, [Symbol.dispose]: close })
}

interface Display {
  show(progress: ShownProgress, first: boolean): void
  end(): void
}

const silence: Display = { show: () => undefined, end: () => undefined }

/** A line whenever `interval` seconds of the run have passed since the last one, and one at its end. */
const lines = (stream: NodeJS.WritableStream, label: string, interval: number): Display => {
  let written = 0
  let last: ShownProgress | undefined
  const write = (progress: ShownProgress): void => {
    const { done, total } = progress
    const parts = [`${String(done)} of ${String(total)}`, ...details(progress)]
    stream.write(`${label === '' ? '' : `${label}: `}${parts.join(', ')}\n`)
    written = progress.seconds
  }
  return {
    show: (progress, first) => {
      last = progress
      if (first) written = 0
      if (progress.done < progress.total && progress.seconds - written >= interval) write(progress)
    },
    end: () => {
      if (last !== undefined) write(last)
    },
  }
}

/** The bar of the library, whose timer does not keep the process alive. */
class Bar extends cliProgress.SingleBar {
  declare private readonly timer: NodeJS.Timeout | null

  override render(): void {
    super.render()
    this.timer?.unref()
  }
}

const bar = (stream: NodeJS.WritableStream, label: string): Display => {
  const drawn = new Bar({
    stream,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    // A terminal in which lines do not wrap would be left behind by whoever interrupts the process.
    linewrap: true,
    format: (options, { progress: share }, payload: { progress: ShownProgress }) => {
      const { done, total } = payload.progress
      const parts = [`${String(done)}/${String(total)}`, ...details(payload.progress)]
      return [label, cliProgress.Format.BarFormat(share, options), parts.join('  ')]
        .filter((part) => part !== '')
        .join(' ')
    },
  })
  return {
    show: (progress, first) => {
      if (first) drawn.start(progress.total, progress.done, { progress })
      drawn.setTotal(progress.total)
      drawn.update(progress.done, { progress })
    },
    end: () => {
      drawn.stop()
    },
  }
}

/** "48.2/s", "3 min 5 s left" or "in 12 s", "3 maxSteps". */
const details = ({ done, total, seconds, statuses }: ShownProgress): string[] => {
  const rate = seconds > 0 ? done / seconds : 0
  const others = Object.entries(statuses).filter(([name, n]) => name !== 'converged' && n > 0)
  return [
    ...(rate > 0 ? [`${rate >= 100 ? rate.toFixed(0) : rate.toPrecision(3)}/s`] : []),
    ...(done === total
      ? [`in ${duration(seconds)}`]
      : rate > 0
        ? [`${duration((total - done) / rate)} left`]
        : []),
    ...others.map(([name, n]) => `${String(n)} ${name}`),
  ]
}

/** Seconds as "0.8 s", "42 s", "3 min 5 s" or "2 h 5 min". */
export const duration = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${String(whole)} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${String(minutes)} min ${String(whole % 60)} s`
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`
}
