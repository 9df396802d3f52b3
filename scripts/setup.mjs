// From a fresh checkout to something that runs: system packages, node_modules, addon, TypeScript. Each
// part only when it is needed; with nothing to do it takes a fraction of a second. Only Node's own
// modules, as node_modules may be missing. All it says goes to stderr.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { addon, typeScript } from './build.mjs'
import { advice, inspect, isMain, packagesFor, requirements, root } from './machine.mjs'

const say = (text) => process.stderr.write(`onestep: ${text}\n`)
const stop = (text) => {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

const run = (command, args, options = {}) =>
  spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0
const quietly = (command, ...args) => run(command, args, { stdio: 'ignore' })

/** How to call apt-get here without a password; undefined where that cannot be. */
const apt = () => {
  if (!quietly('apt-get', '--version')) return undefined
  if (process.getuid?.() === 0) return ['apt-get']
  return quietly('sudo', '-n', 'true') ? ['sudo', '-n', 'apt-get'] : undefined
}

const checkNode = () => {
  const node = requirements.find(({ name }) => name === 'node')
  if (!node.probe().ok) stop(`onestep needs ${node.what}; this is ${process.version} (${process.execPath}).`)
}

/** Installs the missing system packages, or says what to type. */
const prepareMachine = () => {
  const missing = () => inspect().filter(({ ok }) => !ok)
  const before = missing()
  if (before.length === 0) return
  const packages = packagesFor(before, 'debian')
  const [command, ...prefix] = apt() ?? []
  if (command === undefined || packages.length === 0) stop(advice(before))
  say(`installing ${packages.join(' ')} with apt-get`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // An update that fails (no network) need not matter: the old package lists may do.
  run(command, [...prefix, 'update', '-q'], { env })
  run(command, [...prefix, 'install', '-q', '-y', '--no-install-recommends', ...packages], { env })
  const after = missing()
  if (after.length > 0) stop(advice(after))
}

const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined)

/** Whether node_modules holds what package-lock.json asks for, development dependencies included. */
export const installed = (folder = root) => {
  const wanted = readJson(join(folder, 'package-lock.json'))?.packages ?? {}
  const found = readJson(join(folder, 'node_modules', '.package-lock.json'))?.packages
  if (found === undefined) return false
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '' || optional === true || devOptional === true) return true
    const there = found[path]
    return (
      there?.version === version &&
      there.integrity === integrity &&
      existsSync(join(folder, path, 'package.json'))
    )
  })
}

const installDependencies = () => {
  if (!existsSync(join(root, 'package-lock.json'))) {
    stop('package-lock.json is missing. It belongs to the checkout: git checkout -- package-lock.json')
  }
  say('installing node_modules (npm ci)')
  // --include=dev also under NODE_ENV=production. The scripts of dependencies are not needed, and our own
  // install script is what comes next.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  const npm = process.env.npm_execpath
  const done = npm?.endsWith('.js') ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (!done)
    stop('npm ci failed; its own message is above. It needs the npm registry, or a filled npm cache.')
}

const alive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Runs `work` while no other set-up of this checkout does. */
const alone = (work) => {
  const lock = join(root, '.setup.lock')
  for (let waited = 0; ; waited++) {
    try {
      const file = openSync(lock, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
    // An empty lock is being written just now, unless it stays empty.
    if ((holder > 0 && !alive(holder)) || (holder === 0 && waited > 20)) rmSync(lock, { force: true })
    else if (waited === 0) say(`waiting for another set-up of this checkout (process ${holder})`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
  process.on('exit', () => rmSync(lock, { force: true }))
  work()
  rmSync(lock, { force: true })
}

/** Leaves the checkout ready to run, or ends this process with what to do. */
export const setup = () => {
  checkNode()
  if (installed() && addon.fresh() && typeScript.fresh()) return
  alone(() => {
    if (!addon.fresh()) prepareMachine()
    if (!installed()) installDependencies()
    addon.build()
    typeScript.build()
  })
}

if (isMain(import.meta.url)) setup()
