// What a process is told to compute: a part of a chunk. Plain data that names blobs by hash; no code crosses, and no array.

export interface ChunkTask {
  /** The hash of the manifest's blob. */
  readonly manifest: string
  readonly chunk: number
  /** Rows lo ≤ row < hi within the chunk; all of it but where a chunk that kills its process is bisected. */
  readonly lo: number
  readonly hi: number
}

/** What came of it. */
export interface ChunkOutcome {
  readonly rows: number
  /** By name. */
  readonly statuses: Readonly<Record<string, number>>
  /** Of computing alone. */
  readonly seconds: number
  /** The most that the process had resident so far. */
  readonly memoryBytes: number
}
