// A folder that this machine shares with others: a run directory, or a folder of run directories.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { OnestepError } from '../base/errors.js'
import { explained } from '../study/store/durable.js'
import { openRun } from '../study/store/runDirectory.js'
import type { RunDirectory } from '../study/store/runDirectory.js'

export class SharedFolder {
  private readonly folder: string
  private readonly opened = new Map<string, RunDirectory>()

  constructor(folder: string) {
    this.folder = folder
  }

  /** The run directory of a study; undefined where none here is of it. */
  async run(study: string): Promise<RunDirectory | undefined> {
    const known = this.opened.get(study)
    if (known !== undefined) return known
    const names = await explained(this.folder, 'list the shared folder', () => readdir(this.folder))
    for (const dir of [this.folder, ...names.map((name) => join(this.folder, name))]) {
      const run = await runIn(dir)
      if (run?.manifest.id !== study) continue
      this.opened.set(study, run)
      return run
    }
    return undefined
  }
}

const runIn = async (dir: string): Promise<RunDirectory | undefined> => {
  try {
    return await openRun(dir)
  } catch (error) {
    if (error instanceof OnestepError) return undefined
    throw error
  }
}
