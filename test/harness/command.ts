// The command `onestep` as a user types it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The file that Node runs. */
export const commandPath = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))

/** Runs it in a folder, and waits. */
export const onestep = (cwd: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandPath, ...args], {
    ...{ cwd, encoding: 'utf8', timeout: 120_000 },
  })
  return { status, stdout, stderr }
}
