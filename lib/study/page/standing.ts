// How far a run is: from its chunk files, which are the truth, and from what its runners say of themselves, which is believed where it
// makes sense. Chunks are read once, when they first appear.
import { runnersOf } from '../presence.js'
import type { RunDirectory } from '../store/runDirectory.js'
import type { Block } from '../store/block.js'
import { convergedIn } from './best.js'
import { columnIndex, numbersOf } from './source.js'

export interface ShownRunner {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly state: string
  readonly threads: number
  readonly chunks: number
  readonly rows: number
  /** Rows a second. */
  readonly rate: number
}

export interface Standing {
  readonly name: string
  readonly id: string
  readonly rows: number
  readonly allRows: number
  readonly chunks: number
  readonly allChunks: number
  readonly complete: boolean
  /** Rows by how they ended. */
  readonly statuses: Readonly<Record<string, number>>
  /** Of the runners together. */
  readonly rate: number
  /** At that rate; undefined where nobody works. */
  readonly secondsLeft?: number
  readonly runners: readonly ShownRunner[]
  /** The smallest value of a row that converged. */
  readonly best?: { readonly value: number; readonly row: number; readonly variant: string }
}

const countOf = (x: unknown): number => (typeof x === 'number' && Number.isFinite(x) && x >= 0 ? x : 0)
const textOf = (x: unknown): string => (typeof x === 'string' ? x.slice(0, 200) : '')

/** Runners that work, whatever their files say. */
const shownRunners = async (run: RunDirectory): Promise<readonly ShownRunner[]> =>
  (await runnersOf(run))
    .map((runner: Readonly<Record<keyof ShownRunner, unknown>>): ShownRunner => ({
      ...{ id: textOf(runner.id), host: textOf(runner.host), state: textOf(runner.state) },
      ...{ pid: countOf(runner.pid), threads: countOf(runner.threads), chunks: countOf(runner.chunks) },
      ...{ rows: countOf(runner.rows), rate: countOf(runner.rate) },
    }))
    .filter(({ state }) => state !== 'done')

/** Follows a run directory. */
export class Follower {
  readonly #run: RunDirectory
  readonly #read = new Set<number>()
  readonly #statuses = new Map<string, number>()
  #best: Standing['best']

  constructor(run: RunDirectory) {
    this.#run = run
  }

  /** How far the run is now. */
  async look(): Promise<Standing> {
    const { manifest } = this.#run
    const done = await this.#run.done()
    const there = [...done.keys()].filter((chunk) => done[chunk] === 1)
    for (const chunk of there.filter((one) => !this.#read.has(one))) {
      // One that is damaged is not done, as the next look will see.
      const block = await this.#run.readChunk(chunk).catch(() => undefined)
      if (block === undefined) continue
      this.#read.add(chunk)
      this.#count(block, chunk)
    }
    const rows = there.reduce((n, chunk) => n + this.#run.range(chunk).hi - this.#run.range(chunk).lo, 0)
    const runners = await shownRunners(this.#run)
    const rate = runners.reduce((sum, runner) => sum + runner.rate, 0)
    return {
      ...{ name: manifest.specification.name, id: manifest.id, rows, allRows: manifest.rows },
      ...{ chunks: there.length, allChunks: done.length, complete: there.length === done.length },
      ...{ statuses: Object.fromEntries(this.#statuses), rate, runners },
      ...(rate > 0 ? { secondsLeft: (manifest.rows - rows) / rate } : {}),
      ...(this.#best === undefined ? {} : { best: this.#best }),
    }
  }

  #count(block: Block, chunk: number): void {
    const { variant, lo } = this.#run.range(chunk)
    const names = block.columns[columnIndex(block.columns, 'status')]?.names ?? []
    const [codes, values] = [numbersOf(block, 'status'), numbersOf(block, 'value')]
    const hasConverged = convergedIn(block)
    for (let row = 0; row < block.rows; row++) {
      if (codes !== undefined) {
        const name = names[codes[row] ?? 0] ?? 'unknown'
        this.#statuses.set(name, (this.#statuses.get(name) ?? 0) + 1)
      }
      const value = values?.[row] ?? NaN
      if (Number.isFinite(value) && hasConverged(row) && value < (this.#best?.value ?? Infinity)) {
        this.#best = { value, row: lo + row, variant: this.#run.manifest.variants[variant]?.name ?? '' }
      }
    }
  }
}
