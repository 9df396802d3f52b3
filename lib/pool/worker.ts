// A thread of the pool. It keeps the programs that it ran last, with the memory that they need, and takes part in jobs.
import { toRecord } from '../base/errorRecord.js'
import { adopt } from '../base/memory.js'
import { native } from '../runtime/native.js'
import type { LoadedProgram } from '../runtime/native.js'
import { join } from '../runtime/sharedJob.js'
import type { JobMessage } from '../runtime/sharedJob.js'
import type { Answer, Death, Participation } from './messages.js'

/** Each keeps a tile. */
const mostPrograms = 16
const programs = new Map<number, LoadedProgram>()

const programOf = ({ program, bytes, constants }: JobMessage): LoadedProgram => {
  const handle = programs.get(program) ?? native().loadProgram(bytes, constants)
  // The least recently used one stands first.
  programs.delete(program)
  programs.set(program, handle)
  for (const [oldest] of programs) {
    if (programs.size <= mostPrograms) break
    programs.delete(oldest)
  }
  return handle
}

const die = (death: Death): void => {
  if (death === 'exit') process.exit(3)
  const hoard: unknown[] = []
  for (;;) hoard.push(new Array<number>(1 << 20).fill(0.5))
}

/** What piscina calls for each task. */
export default ({ job, turn, death }: Participation): Answer => {
  try {
    for (const { buffer } of [job.memory, ...job.inputs, ...job.outputs]) adopt(buffer)
    const outcome = join(programOf(job), job, turn)
    if (outcome === 'fault' && death !== undefined) die(death)
    return { ok: true, outcome }
  } catch (error) {
    return { ok: false, error: toRecord(error) }
  }
}
