// Set-up, then a compiled program of this checkout: node scripts/run.mjs FILE [ARGUMENTS]
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './machine.mjs'
import { setup } from './setup.mjs'

const [file = '', ...args] = process.argv.slice(2)
setup()
const path = join(root, 'dist', file)
if (!existsSync(path)) {
  console.error(`onestep: ${file.replace(/\.js$/, '.ts')} is not in this checkout`)
  process.exit(1)
}
const child = spawn(process.execPath, ['--enable-source-maps', path, ...args], { stdio: 'inherit' })
// Ctrl-C reaches the child by itself; a signal sent to this process alone is passed on.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  if (signal !== null) process.removeAllListeners(signal).kill(process.pid, signal)
  process.exitCode = code ?? 1
})
