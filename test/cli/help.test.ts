// The help of every command: what it does, its arguments and options, its exit codes, and examples that are commands as it takes them.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { test } from 'tap'
import type { Register } from '../../lib/cli/register.js'

const folder = new URL('../../lib/cli/', import.meta.url)

/** The command line, made of all files that add to it. */
const wholeProgram = async (): Promise<Command> => {
  const program = new Command('onestep')
  for (const file of readdirSync(folder).filter((name) => name.endsWith('Command.js'))) {
    const exported = (await import(new URL(file, folder).href)) as Readonly<Record<string, unknown>>
    for (const [name, register] of Object.entries(exported)) {
      if (name.startsWith('register')) (register as Register)(program, () => undefined)
    }
  }
  return program
}

/** What --help prints. */
const helpOf = (command: Command): string => {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return text
}

/** The lines of the examples at the end of a help. */
const examplesOf = (help: string): readonly string[] =>
  (/^Examples?:\n([\s\S]*)$/m.exec(help)?.[1] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** The words of a line as a shell reads them: quotes taken away, what stands behind a pipe or a redirection left out. */
const wordsOf = (line: string): readonly string[] => {
  const words = [...line.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/["']/g, ''),
  )
  const end = words.findIndex((word) => /^([|>]|#|&&)/.test(word))
  return end < 0 ? words : words.slice(0, end)
}

test('every command says what it does, how it ends, and how it is used', async (t) => {
  const program = await wholeProgram()
  const names = program.commands.map((command) => command.name())
  for (const name of ['init', 'validate', 'plan', 'run', 'resume', 'status', 'watch', 'stop', 'results']) {
    t.ok(names.includes(name), name)
  }
  for (const command of program.commands) {
    const name = command.name()
    const help = helpOf(command)
    t.match(command.description(), /^\S.{10,}$/, `${name}: a description of one line`)
    t.match(help, /^Exit codes?: 0 [a-z].*; 2 /m, `${name}: exit codes, wrong use among them`)
    for (const { description, flags } of command.options) t.match(description, /\S/, `${name}: ${flags}`)
    for (const argument of command.registeredArguments) {
      t.match(argument.description, /\S/, `${name}: ${argument.name()}`)
    }
    const examples = examplesOf(help)
    t.ok(examples.length > 0, `${name}: an example`)
    for (const line of examples) {
      const words = wordsOf(line).filter((word) => !/^[A-Z_]+=/.test(word))
      t.strictSame(words.slice(0, 2), ['onestep', name], `${name}: "${line}" is this command`)
      const { operands, unknown } = command.parseOptions(words.slice(2))
      t.strictSame(unknown, [], `${name}: "${line}" has options that there are`)
      const [needed, possible] = [
        command.registeredArguments.filter(({ required }) => required).length,
        command.registeredArguments.length,
      ]
      t.ok(operands.length >= needed && operands.length <= possible, `${name}: "${line}" has its arguments`)
    }
  }
})

test('a wrong example would be seen', (t) => {
  const command = new Command('run').argument('<file>').option('--dir <folder>')
  t.strictSame(command.parseOptions(['study.yaml', '--dri', 'x']).unknown, ['--dri', 'x'])
  t.strictSame(examplesOf('Examples:\n  onestep run a.yaml\n\n  onestep run b.yaml'), [
    'onestep run a.yaml',
    'onestep run b.yaml',
  ])
  t.strictSame(wordsOf(`onestep run a.yaml -s "x=[1, 2]" > out`), [
    'onestep',
    'run',
    'a.yaml',
    '-s',
    'x=[1, 2]',
  ])
  t.end()
})

test('the command has them all', async (t) => {
  const main = fileURLToPath(new URL('main.js', folder))
  const { stdout, status } = spawnSync(process.execPath, [main, '--help'], { encoding: 'utf8' })
  t.equal(status, 0)
  const [, list = ''] = /^Commands:\n([\s\S]*?)\n\n/m.exec(stdout) ?? []
  const listed = [...list.matchAll(/^ {2}([a-z]+)\b.*/gm)].map(([, name]) => name)
  const { commands } = await wholeProgram()
  t.strictSame(listed.filter((name) => name !== 'help').sort(), commands.map((c) => c.name()).sort())
})
