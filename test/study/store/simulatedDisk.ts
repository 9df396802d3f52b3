// A disk in memory that keeps apart what was written and what was synced. A loss of power leaves of each file and of each name
// what was synced, or any of what came after it: whole, torn or zeros, each by itself, as POSIX allows.
import { dirname, basename } from 'node:path'
import type { FileSystem, OpenFile } from '../../../lib/study/store/files.js'

/** Draws a number in [0, 1). */
export type Draw = () => number

interface File {
  readonly kind: 'file'
  content: Uint8Array
  synced: Uint8Array
  modified: number
}

interface Folder {
  readonly kind: 'folder'
  entries: Map<string, Node>
  synced: Map<string, Node>
  modified: number
}

type Node = File | Folder

const failure = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: simulated, ${path}`), { code })

const newFolder = (): Folder => ({ kind: 'folder', entries: new Map(), synced: new Map(), modified: 0 })

export interface DiskOptions {
  /** Whether files can have two names; default true. */
  readonly links?: boolean
  /** Draws how many turns of the event loop a call takes; default none. */
  readonly turns?: Draw
}

export class SimulatedDisk implements FileSystem {
  private readonly root = newFolder()
  private readonly links: boolean
  private readonly turns: Draw | undefined
  /** Milliseconds since 1970, for what is written now. */
  clock = Date.now()

  constructor({ links = true, turns }: DiskOptions = {}) {
    this.links = links
    this.turns = turns
  }

  async open(path: string, mode: 'read' | 'create' | 'folder'): Promise<OpenFile> {
    await this.pause()
    const parent = this.folder(dirname(path))
    if (mode === 'create') {
      if (parent.entries.has(basename(path))) throw failure('EEXIST', path)
      const file: File = {
        kind: 'file',
        content: new Uint8Array(),
        synced: new Uint8Array(),
        modified: this.clock,
      }
      parent.entries.set(basename(path), file)
      return this.handle(file)
    }
    const node = this.node(path)
    if (mode === 'folder' && node.kind === 'file') throw failure('ENOTDIR', path)
    return this.handle(node)
  }

  async link(existing: string, path: string): Promise<void> {
    await this.pause()
    if (!this.links) throw failure('EPERM', path)
    const node = this.node(existing)
    const parent = this.folder(dirname(path))
    if (parent.entries.has(basename(path))) throw failure('EEXIST', path)
    parent.entries.set(basename(path), node)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.pause()
    const node = this.node(from)
    this.folder(dirname(to)).entries.set(basename(to), node)
    this.folder(dirname(from)).entries.delete(basename(from))
  }

  async unlink(path: string): Promise<void> {
    await this.pause()
    this.node(path)
    this.folder(dirname(path)).entries.delete(basename(path))
  }

  async makeFolder(path: string): Promise<void> {
    await this.pause()
    const parent = this.folder(dirname(path))
    if (parent.entries.has(basename(path))) throw failure('EEXIST', path)
    parent.entries.set(basename(path), newFolder())
  }

  async list(path: string): Promise<string[]> {
    await this.pause()
    return [...this.folder(path).entries.keys()]
  }

  async modified(path: string): Promise<number> {
    await this.pause()
    return this.node(path).modified
  }

  /** What is on the disk when the power comes back. */
  losePower(draw: Draw): void {
    const settled = new Map<Node, Node>()
    const settle = (node: Node): void => {
      if (settled.has(node)) return
      settled.set(node, node)
      if (node.kind === 'file') {
        const { content, synced } = node
        const torn = content.slice(0, Math.floor(draw() * content.length))
        const zeros = new Uint8Array(content.length)
        const choices = [synced, content, torn, zeros]
        const same = Buffer.from(content).equals(synced)
        node.content = same ? synced : (choices[Math.floor(draw() * 4)] as Uint8Array)
        node.synced = node.content
        return
      }
      for (const name of new Set([...node.entries.keys(), ...node.synced.keys()])) {
        const [now, then] = [node.entries.get(name), node.synced.get(name)]
        const kept = now === then || draw() < 0.5 ? then : now
        if (kept === undefined) node.entries.delete(name)
        else node.entries.set(name, kept)
      }
      node.synced = new Map(node.entries)
      for (const child of node.entries.values()) settle(child)
    }
    settle(this.root)
  }

  /** The bytes of a file, which a test may read, or damage and put back. */
  peek(path: string): Uint8Array | undefined {
    try {
      const node = this.node(path)
      return node.kind === 'file' ? node.content : undefined
    } catch {
      return undefined
    }
  }

  /** Writes a file past all care. */
  poke(path: string, content: Uint8Array): void {
    const file: File = { kind: 'file', content, synced: content, modified: this.clock }
    const parent = this.folder(dirname(path))
    parent.entries.set(basename(path), file)
    parent.synced.set(basename(path), file)
  }

  /** Names in a folder. */
  names(path: string): string[] {
    return [...this.folder(path).entries.keys()]
  }

  private async pause(): Promise<void> {
    if (this.turns === undefined) return
    for (let n = Math.floor(this.turns() * 4); n > 0; n--) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  private node(path: string): Node {
    if (path === '/') return this.root
    const found = this.folder(dirname(path)).entries.get(basename(path))
    if (found === undefined) throw failure('ENOENT', path)
    return found
  }

  private folder(path: string): Folder {
    const node = this.node(path)
    if (node.kind === 'file') throw failure('ENOTDIR', path)
    return node
  }

  private handle(node: Node): OpenFile {
    return {
      read: async (into, position) => {
        await this.pause()
        if (node.kind === 'folder') throw failure('EISDIR', 'a folder')
        const bytes = node.content.subarray(position, position + into.length)
        into.set(bytes)
        return bytes.length
      },
      write: async (bytes) => {
        await this.pause()
        if (node.kind === 'folder') throw failure('EISDIR', 'a folder')
        node.content = Buffer.concat([node.content, bytes])
        node.modified = this.clock
        return bytes.length
      },
      size: async () => {
        await this.pause()
        return node.kind === 'file' ? node.content.length : 4096
      },
      sync: async () => {
        await this.pause()
        if (node.kind === 'file') node.synced = node.content
        else node.synced = new Map(node.entries)
      },
      close: async () => {
        await this.pause()
      },
    }
  }
}
