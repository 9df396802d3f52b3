// Shared memory that is used again, job after job: making it anew costs page faults, and V8 frees it late.
import { allocateBytes } from '../base/memory.js'

/** What is kept for later, at most; a larger piece is made for its job alone. */
const mostKept = 256 * 2 ** 20

export class MemoryPool {
  private readonly free: Uint8Array[] = []
  private kept = 0

  /** At least so many bytes, which hold anything. */
  take(bytes: number): Uint8Array {
    let best = -1
    this.free.forEach(({ length }, i) => {
      if (length >= bytes && length <= 4 * bytes && length < (this.free[best]?.length ?? Infinity)) best = i
    })
    const [found] = best < 0 ? [] : this.free.splice(best, 1)
    if (found === undefined) return new Uint8Array(allocateBytes(roundUp(bytes)))
    this.kept -= found.length
    return found
  }

  /** Nobody uses it any more. */
  give(memory: Uint8Array): void {
    if (memory.length > mostKept) return
    this.free.push(memory)
    this.kept += memory.length
    while (this.kept > mostKept) this.kept -= (this.free.shift() as Uint8Array).length
  }
}

/** To a size that other jobs are likely to need, too: at most a quarter more. */
const roundUp = (bytes: number): number => {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(bytes)) - 2)
  return Math.ceil(bytes / step) * step
}
