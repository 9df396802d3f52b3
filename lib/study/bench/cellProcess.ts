// The process that measures one cell of a bench. It is told which, loads the problem itself, says what it measured, and ends; it ends
// with the process that started it, too.
import { toRecord } from '../../base/errorRecord.js'
import type { ErrorRecord } from '../../base/errorRecord.js'
import { measureHere } from './measureHere.js'
import type { CellTask, MeasuredCell } from './measureHere.js'

export type CellReply =
  | { readonly kind: 'run'; readonly done: number }
  | { readonly kind: 'done'; readonly measured: MeasuredCell }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }

const say = (reply: CellReply): void => {
  process.send?.(reply)
}

const measure = async (task: CellTask): Promise<void> => {
  try {
    const measured = await measureHere(task, (done) => {
      say({ kind: 'run', done })
    })
    say({ kind: 'done', measured })
  } catch (error) {
    say({ kind: 'failed', error: toRecord(error) })
  }
  process.disconnect()
}

// A terminal sends its interrupt to the whole group: when to end is for the process that started this one to say.
process.on('SIGINT', () => undefined)
process.once('message', (task: CellTask) => void measure(task))
process.on('disconnect', () => process.exit())
