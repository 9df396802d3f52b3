// tsc, then the addon.
import { spawnSync } from 'node:child_process'
for (const args of [['node_modules/typescript/bin/tsc'], ['node_modules/cmake-js/bin/cmake-js', 'compile', '--parallel', '2']]) {
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
