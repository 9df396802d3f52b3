// A compute process from outside: it is started when it is needed, and again when it died.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fromRecord } from '../../base/errorRecord.js'
import { OnestepError } from '../../base/errors.js'
import type { ComputeReply, ComputeRequest, ComputeSettings } from './messages.js'
import type { ChunkOutcome, ChunkTask } from './task.js'

/** What is kept of a process's last words. */
const mostWords = 4000

/** The process that computed a task is gone, with whatever it held. */
export class ComputeDied extends OnestepError {
  constructor(how: string, words: string) {
    super('the process that computed a chunk died', {
      code: 'ERR_COMPUTE_DIED',
      received: words === '' ? how : `${how}; its last words: ${words}`,
      remedy: 'A fault of native code, or too little memory: see the rows with the status crashed',
    })
  }
}

/** A task ended because its signal said so. */
export class ComputeAborted extends OnestepError {
  constructor() {
    super('the computation of a chunk was ended', { code: 'ERR_ABORTED', remedy: 'Resume the study' })
  }
}

export interface TaskOptions {
  /** The file for the rows; it is there, whole and synced, when the task has ended. */
  readonly out: string
  readonly signal?: AbortSignal
  /** Rows of the task that have ended. */
  readonly onProgress?: (done: number) => void
}

interface Pending {
  readonly resolve: (outcome: ChunkOutcome) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((done: number) => void) | undefined
}

/** One life of the process. */
interface Life {
  readonly child: ChildProcess
  readonly pending: Map<number, Pending>
  /** How, once it has. */
  readonly ended: Promise<string>
  started: boolean
  words: string
}

/** Computes chunks in a process of its own, several at a time. */
export class ComputeProcess {
  private readonly settings: ComputeSettings
  private life: Life | undefined
  private next = 0

  /** Starts nothing yet. */
  constructor(settings: ComputeSettings) {
    this.settings = settings
  }

  /** The number of the process, while there is one. */
  get pid(): number | undefined {
    return this.life?.child.pid
  }

  /**
   * Computes rows into a file.
   * @throws {ComputeDied} when the process died meanwhile; {ComputeAborted}; or what the computation threw.
   */
  async compute(task: ChunkTask, { out, signal, onProgress }: TaskOptions): Promise<ChunkOutcome> {
    if (signal?.aborted === true) throw new ComputeAborted()
    const life = (this.life ??= this.start())
    const id = this.next++
    const abort = (): void => {
      this.say(life, { kind: 'abort', id })
    }
    signal?.addEventListener('abort', abort)
    try {
      return await new Promise<ChunkOutcome>((resolve, reject) => {
        life.pending.set(id, { resolve, reject, onProgress })
        this.say(life, { kind: 'compute', id, task, out })
      })
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends the process, and what it computes with it. */
  async close(): Promise<void> {
    const { life } = this
    if (life === undefined) return
    if (life.child.connected) life.child.disconnect()
    await life.ended
  }

  private start(): Life {
    const child = fork(new URL('./child.js', import.meta.url), [JSON.stringify(this.settings)], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const ended = this.gone(child)
    const life: Life = { child, pending: new Map(), ended, started: false, words: '' }
    child.stderr?.on('data', (text: Buffer) => {
      life.words = (life.words + text.toString()).slice(-mostWords)
    })
    child.on('message', (reply: ComputeReply) => {
      this.hear(life, reply)
    })
    void ended.then((how) => {
      if (this.life === life) this.life = undefined
      const words = life.words.trim()
      const error = life.started ? new ComputeDied(how, words) : cannotStart(how, words)
      for (const { reject } of life.pending.values()) reject(error)
    })
    return life
  }

  /** How the process ended, once it did and its last words are heard. ('close' never comes where this side closed the channel.) */
  private async gone(child: ChildProcess): Promise<string> {
    const heard =
      child.stderr === null ? undefined : new Promise((resolve) => child.stderr?.once('close', resolve))
    const how = await new Promise<string>((resolve) => {
      child.once('error', (error) => {
        resolve(error.message)
      })
      child.once('exit', (code, signal) => {
        resolve(signal ?? `exit code ${String(code)}`)
      })
    })
    await heard
    return how
  }

  private say({ child }: Life, request: ComputeRequest): void {
    // Where the channel is gone, so is the process, and 'close' tells those who wait.
    if (child.connected) child.send(request, () => undefined)
  }

  private hear(life: Life, reply: ComputeReply): void {
    if (reply.kind === 'ready') {
      life.started = true
      return
    }
    const waiting = life.pending.get(reply.id)
    if (reply.kind === 'progress') {
      waiting?.onProgress?.(reply.done)
      return
    }
    life.pending.delete(reply.id)
    if (reply.kind === 'done') waiting?.resolve(reply.outcome)
    else waiting?.reject(reply.kind === 'aborted' ? new ComputeAborted() : fromRecord(reply.error))
  }
}

const cannotStart = (how: string, words: string): OnestepError =>
  new OnestepError('the compute process cannot start', {
    code: 'ERR_COMPUTE_START',
    received: words === '' ? how : `${how}: ${words}`,
    remedy: 'Run `onestep doctor`',
  })
