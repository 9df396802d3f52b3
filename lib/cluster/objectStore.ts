// Bytes beside the queue: blobs under their hash, and chunk files of workers that do not share a folder with the coordinator. They are
// kept in parts, so that no machine ever holds more than a part in memory, and for a day after they were last used. A store loses
// nothing that cannot be made again.

/** Bytes of a part at most. */
const partBytes = 4 * 2 ** 20

/** Seconds for which an object is kept after it was written or asked for. */
export const keptSeconds = 86_400

export interface ObjectName {
  /** 'blobs', or 'chunks-<study>'. */
  readonly group: string
  readonly name: string
}

export interface StoredObject {
  readonly name: string
  readonly bytes: number
}

export interface ObjectStore {
  /** Whether the broker answers. */
  ping(): Promise<void>
  /** Stores an object, of which nobody sees a half; whoever reads it while it is replaced gets one or the other, or an error. */
  put(at: ObjectName, content: AsyncIterable<Uint8Array>): Promise<void>
  /** The parts of an object; undefined in the place of the first one that is missing. */
  parts(at: ObjectName): AsyncGenerator<Uint8Array | undefined, void, undefined>
  /** Which of these are whole; they are kept for another day. */
  touch(group: string, names: readonly string[]): Promise<ReadonlySet<string>>
  /** All objects of a group. */
  list(group: string): Promise<readonly StoredObject[]>
  remove(at: ObjectName): Promise<void>
  close(): Promise<void>
}

/** The same bytes in parts of exactly `size`, but for the last one. */
export async function* inParts(
  content: AsyncIterable<Uint8Array>,
  size = partBytes,
): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Uint8Array[] = []
  let length = 0
  for await (const piece of content) {
    let rest = piece
    while (length + rest.length >= size) {
      const taken = rest.subarray(0, size - length)
      yield Buffer.concat([...waiting, taken])
      rest = rest.subarray(taken.length)
      waiting = []
      length = 0
    }
    // A stream may use its buffer again.
    if (rest.length > 0) waiting.push(rest.slice())
    length += rest.length
  }
  if (length > 0) yield Buffer.concat(waiting)
}
