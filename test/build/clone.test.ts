// A clean clone builds without network, without Python, without anything in HOME: by the package's install
// script as by a hand-typed node-gyp. It compiles the addon once: about a minute.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import tap, { test } from 'tap'
import { packageRoot } from '../../lib/runtime/diagnosis.js'
import { nativePath } from '../../lib/runtime/native.js'

tap.setTimeout(600_000)
const root = packageRoot()
const require = createRequire(import.meta.url)
const built = (folder: string): string => join(folder, 'build', 'Release', 'onestep.node')
const exportsOf = (path: string): string[] => Object.keys(require(path) as object).sort()

const text = (command: string, args: readonly string[], env = process.env): string => {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8', env })
  return status === 0 ? stdout.trim() : ''
}

/** How to run a command without network here; undefined where that is not permitted. */
const isolate = [
  ['unshare', '-n'],
  ['unshare', '-r', '-n'],
].find(([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0)

/** Node's own headers, which node-gyp asks for before it looks at anything. */
const nodeHeaders = join(dirname(dirname(process.execPath)), 'include', 'node', 'node.h')
/** The node-gyp that comes with npm. */
const npm = (process.env['PATH'] ?? '')
  .split(':')
  .map((path) => join(path, 'npm'))
  .find((path) => existsSync(path))
const nodeGyp = join(realpathSync(npm ?? '/'), '..', '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
const python = text('python3', ['-c', 'import sys; print(sys.executable)'])

const reason =
  process.platform !== 'linux'
    ? 'network namespaces are Linux'
    : isolate === undefined
      ? 'unshare -n is not permitted here'
      : !existsSync(join(root, '.git'))
        ? 'this is no git checkout'
        : false

/** A folder with every command of PATH except Python. */
const commandsWithoutPython = (folder: string): string => {
  mkdirSync(folder)
  const taken = new Set<string>()
  for (const path of (process.env['PATH'] ?? '').split(':').filter((name) => existsSync(name))) {
    for (const name of readdirSync(path)) {
      if (/python|pypy|pyenv/.test(path + name) || taken.has(name)) continue
      taken.add(name)
      symlinkSync(join(path, name), join(folder, name))
    }
  }
  return folder
}

/** A compiler launcher that copies what the same command line has compiled before: two roads, one compilation. */
const launcher = (folder: string): string => {
  mkdirSync(folder)
  const path = join(folder, 'launcher')
  const script = `#!/bin/sh
case "$*" in *" -c "*/native/*) ;; *) exec "$@" ;; esac
for word; do [ "$before" = -o ] && out=$word; before=$word; done
kept=${folder}/$(printf %s "$*" | md5sum | cut -c1-32)
if [ -f "$kept.o" ]; then cp "$kept.o" "$out" && cp "$kept.d" "$out.d"; exit; fi
"$@" && cp "$out.d" "$kept.d" && cp "$out" "$kept.o"
`
  writeFileSync(path, script, { mode: 0o755 })
  return path
}

test('a clean clone builds offline', { skip: reason, timeout: 600_000 }, async (t) => {
  if (isolate === undefined) return
  // Outside the checkout, where no node_modules of a parent folder can stand in for what is missing.
  const folder = mkdtempSync(join(tmpdir(), 'onestep-clone-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'home'))
  const clone = join(folder, 'onestep')
  t.equal(spawnSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone]).status, 0, 'git clone')

  const env = {
    PATH: commandsWithoutPython(join(folder, 'bin')),
    HOME: join(folder, 'home'),
    NODE_ENV: 'production',
    npm_config_cache: text('npm', ['config', 'get', 'cache']),
    CMAKE_CXX_COMPILER_LAUNCHER: launcher(join(folder, 'objects')),
  }
  /** Runs a command in the clone; what it printed when it fails, else ''. */
  const run = (command: readonly string[], variables: Record<string, string> = env): string => {
    const [program = '', ...args] = command
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: clone,
      env: variables,
      encoding: 'utf8',
    })
    return status === 0 ? '' : `${stdout}\n${stderr}\n${command.join(' ')} ended with ${status}`
  }
  const install = ['npm', 'ci', '--omit=dev', '--no-audit', '--no-fund']
  t.equal(run([...install, '--prefer-offline', '--ignore-scripts']), '', `npm's cache holds what follows`)
  t.equal(text('python3', ['--version'], env), '', 'no Python')

  await t.test('by the install script', async (t) => {
    t.equal(run([...isolate, ...install, '--offline', '--foreground-scripts']), '')
    t.strictSame(exportsOf(built(clone)), exportsOf(nativePath()))
  })

  const needed = [nodeGyp, nodeHeaders, python].find((path) => !existsSync(path))
  const lacks = needed === undefined ? false : `node-gyp needs npm, Node's headers and Python: ${needed}`
  await t.test('by node-gyp rebuild', { skip: lacks }, async (t) => {
    const rebuild = [nodeGyp, 'rebuild', `--nodedir=${dirname(dirname(dirname(nodeHeaders)))}`]
    rmSync(join(clone, 'build'), { recursive: true })
    t.equal(run([...isolate, process.execPath, ...rebuild], { ...env, PYTHON: python }), '')
    t.strictSame(exportsOf(built(clone)), exportsOf(nativePath()))
  })
})
