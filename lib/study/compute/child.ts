// The compute process: a pool, and whatever chunks it is told to compute. It loads no module of the user and reads nothing but blobs;
// what kills it costs the chunk that it held. It ends with the process that started it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toRecord } from '../../base/errorRecord.js'
import { Pool } from '../../pool/pool.js'
import { encodeChunk, writePart } from '../store/chunkFile.js'
import type { Manifest } from '../store/manifest.js'
import { Checkpoint } from './checkpoint.js'
import { openComputer, parsed } from './computer.js'
import type { Computer } from './computer.js'
import type { ComputeReply, ComputeRequest, ComputeSettings } from './messages.js'
import { countStatuses } from './rows.js'
import type { ChunkOutcome, ChunkTask } from './task.js'

/** Milliseconds between two words on how far a chunk is. */
const progressInterval = 200

const settings = JSON.parse(process.argv[2] ?? '{}') as ComputeSettings
const pool = new Pool({ threads: settings.threads })
const computers = new Map<string, Computer>()
const underWay = new Map<number, AbortController>()

const say = (reply: ComputeReply): void => {
  process.send?.(reply)
}

const blob = (hash: string): Uint8Array => readFileSync(join(settings.blobs, hash))

const computerOf = (hash: string): Computer => {
  const known = computers.get(hash)
  if (known !== undefined) return known
  const made = openComputer(parsed<Manifest>(blob(hash)), blob, pool)
  computers.set(hash, made)
  return made
}

/** Computes a chunk or a part of one, and leaves it in a file; undefined where it was told to stop. */
const compute = async (
  id: number,
  task: ChunkTask,
  out: string,
  signal: AbortSignal,
): Promise<ChunkOutcome | undefined> => {
  const { manifest, chunk, lo, hi } = task
  if (settings.dies?.some((row) => lo <= row && row < hi) === true) process.kill(process.pid, 'SIGSEGV')
  const computer = computerOf(manifest)
  let told = 0
  const onProgress = (done: number): void => {
    const now = performance.now()
    if (now - told < progressInterval) return
    told = now
    say({ kind: 'progress', id, done })
  }
  const { checkpoints } = settings
  const { block, seconds, whole } = await computer.rows(
    { lo, hi },
    {
      ...{ signal, onProgress },
      ...(checkpoints && { checkpoint: new Checkpoint(checkpoints, computer.manifest.id, { lo, hi }) }),
    },
  )
  if (!whole) return undefined
  await writePart(out, encodeChunk({ manifestId: computer.manifest.id, chunk, lo, hi }, block))
  return {
    rows: hi - lo,
    statuses: countStatuses(block),
    seconds,
    memoryBytes: 1024 * process.resourceUsage().maxRSS,
  }
}

const answer = async (request: ComputeRequest): Promise<void> => {
  const { id } = request
  if (request.kind === 'abort') {
    underWay.get(id)?.abort()
    return
  }
  const controller = new AbortController()
  underWay.set(id, controller)
  try {
    const outcome = await compute(id, request.task, request.out, controller.signal)
    say(outcome === undefined ? { kind: 'aborted', id } : { kind: 'done', id, outcome })
  } catch (error) {
    say({ kind: 'failed', id, error: toRecord(error) })
  } finally {
    underWay.delete(id)
  }
}

/** Of the processes here, the kernel is to end this one first when memory runs out: it can be started again. */
const offerItself = (): void => {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500')
  } catch {
    // Elsewhere than on Linux, or where it is not allowed, the kernel chooses by itself.
  }
}

offerItself()
// A terminal sends its interrupt to the whole group: when to end is for the process that started this one to say.
process.on('SIGINT', () => undefined)
process.on('message', (request: ComputeRequest) => void answer(request))
process.on('disconnect', () => process.exit())
say({ kind: 'ready' })
