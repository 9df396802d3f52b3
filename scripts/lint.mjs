// tsc --noEmit, eslint, prettier and clang-format.
//   npm run lint   [-- FILE …]   says what is wrong
//   npm run format [-- FILE …]   repairs it (scripts/lint.mjs --fix)
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filesUnder } from './build.mjs'
import { root } from './machine.mjs'

const fix = process.argv.includes('--fix')
const files = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
const chosen = (pattern, all) => (files.length === 0 ? all : files.filter((file) => pattern.test(file)))

const cxx = chosen(
  /\.(cc|h)$/,
  filesUnder(join(root, 'native')).map((path) => relative(root, path)),
)
const scripts = chosen(/\.(ts|js|mjs)$/, ['.'])
const texts = chosen(/\.(ts|js|mjs|json|ya?ml)$/, ['.'])
const bin = (name) => join('node_modules', name)

const steps = [
  ['clang-format', 'clang-format', ...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...cxx],
  [
    'prettier',
    process.execPath,
    bin('prettier/bin/prettier.cjs'),
    fix ? '--write' : '--check',
    '--log-level=warn',
    ...texts,
  ],
  [
    'eslint',
    process.execPath,
    bin('eslint/bin/eslint.js'),
    '--max-warnings=0',
    ...(fix ? ['--fix'] : []),
    ...scripts,
  ],
  ...(fix
    ? []
    : [['tsc', process.execPath, bin('typescript/bin/tsc'), '--noEmit', '--incremental', 'false']]),
]
const empty = { 'clang-format': cxx, prettier: texts, eslint: scripts }

if (!existsSync(join(root, 'node_modules'))) {
  console.error('onestep: node_modules is missing. Type: npm ci --ignore-scripts')
  process.exit(1)
}
for (const [name, command, ...args] of steps) {
  if (empty[name]?.length === 0) continue
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error?.code === 'ENOENT') {
    console.error(`onestep: ${command} does not run. Debian, Ubuntu: apt-get install clang-format`)
  }
  if (status !== 0) process.exitCode = 1
  console.error(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`)
}
