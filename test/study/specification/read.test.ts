// Study files as files: YAML, JSON, modules, and what cannot be read.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseStudy, parseStudyObject, readStudy } from '../../../lib/study/specification/read.js'
import { limits } from '../../../lib/study/specification/textLimits.js'
import { base } from './written.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'studies-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const object = '{ name: "a", problem: "ridge", space: { lambda: [1] } }'
const { specification } = parseStudy(base)

t.test('files of each kind', async (t) => {
  const files = [
    write('study.yaml', base),
    write('STUDY.YML', base),
    write('study.json', '{"name": "a", "problem": "ridge", "space": {"lambda": 1}}'),
    write('study.mjs', `export default ${object}\n`),
    write('study.js', `export default ${object}\n`),
    write('study.cjs', `module.exports = ${object}\n`),
    write('study.ts', `const study: { name: string } = ${object}\nexport default study\n`),
    write('study.cts', `export default ${object} as const\n`),
  ]
  for (const file of files) {
    const study = await readStudy(file)
    t.strictSame(study.specification, specification, file)
    t.equal(study.folder, folder)
    t.ok(study.source.includes('ridge'))
  }
  const changed = await readStudy(files[6] as string, { overrides: ['seed=3', 'space.lambda=[1, 2]'] })
  t.equal(changed.specification.seed, 3)
  t.equal((await readStudy(relative(process.cwd(), files[0] as string))).folder, folder, 'a relative path')
})

t.test('what cannot be read', async (t) => {
  mkdirSync(join(folder, 'folder.yaml'))
  symlinkSync(join(folder, 'nowhere.yaml'), join(folder, 'link.yaml'))
  const wrong: readonly (readonly [string, RegExp | string])[] = [
    [join(folder, 'nowhere.yaml'), /nowhere\.yaml: no such file; onestep init writes one$/],
    [join(folder, 'link.yaml'), /link\.yaml: no such file; onestep init writes one$/],
    [join(folder, 'folder.yaml'), /folder\.yaml: cannot be read: EISDIR/],
    [
      write('study.toml', ''),
      /study\.toml: expected a name that ends with \.yaml, \.yml, \.json, \.ts or \.js$/,
    ],
    [write('study', base), /study: expected a name that ends with/],
    [write('bytes.yaml', Uint8Array.of(0x61, 0xff, 0xfe)), /bytes\.yaml: the text is no UTF-8$/],
    [
      write('wide.yaml', Buffer.from(base, 'utf16le')),
      /wide\.yaml:1:2: the character U\+0000 is not allowed$/,
    ],
    [
      write('large.yaml', ' '.repeat(limits.size + 1)),
      /large\.yaml: expected at most 1048576 bytes; received 1048577$/,
    ],
    [
      write('throws.mjs', "throw new Error('on purpose')\n"),
      /throws\.mjs: .*the module cannot be loaded: on purpose/,
    ],
    [write('syntax.mjs', 'export default {\n'), /syntax\.mjs: .*the module cannot be loaded/],
    [
      write('none.mjs', 'export const study = 1\n'),
      /none\.mjs: missing; expected a map with name, problem and space$/,
    ],
    [
      write('function.mjs', 'export default () => 1\n'),
      /function\.mjs: expected plain data; received a function$/,
    ],
    [
      write('sede.mjs', `export default { ...${object}, sede: 1 }\n`),
      /sede\.mjs: sede: unknown key; did you mean "seed"\?$/,
    ],
  ]
  for (const [file, message] of wrong) {
    await t.rejects(readStudy(file), { name: 'StudyError', code: 'ERR_STUDY', message }, file)
  }
})

t.test('objects that are no plain data', (t) => {
  const round: Record<string, unknown> = {}
  round.again = round
  const wrong: readonly (readonly [unknown, string])[] = [
    [
      { name: 'a', problem: 'ridge', space: { lambda: () => 1 } },
      'study.ts: space.lambda: expected plain data; received a function',
    ],
    [
      { name: 'a', problem: 'ridge', space: { lambda: Float64Array.of(1) } },
      'study.ts: space.lambda: expected plain data; received an object of a class',
    ],
    [{ name: 'a', seed: 1n }, 'study.ts: seed: expected plain data; received a bigint'],
    [{ name: Symbol('a') }, 'study.ts: name: expected plain data; received a symbol'],
    [round, 'study.ts: again.again.again: expected at most 32 levels'],
    [
      { problem: { module: './a.ts', options: { x: Array(200_000).fill(1) } } },
      'study.ts: expected at most 100000 values',
    ],
    [
      { problem: { module: './a.ts', options: { $x: 1 } } },
      'study.ts: problem.options.$x: a key cannot begin with $',
    ],
  ]
  for (const [given, message] of wrong)
    t.throws(() => parseStudyObject(given), { name: 'StudyError', message })
  const bare = Object.assign(Object.create(null) as object, {
    name: 'a',
    problem: 'ridge',
    space: { lambda: 1 },
    seed: undefined,
  })
  t.strictSame(parseStudyObject(bare).specification, specification, 'what is undefined is not there')
  t.end()
})

t.test('what is found later has its line, too', (t) => {
  const { refusal } = parseStudy(base, { file: 's.yaml', overrides: ['maxSteps=3'] })
  const error = refusal([
    { path: ['space', 'lambda'], message: 'the problem has no such parameter', atKey: true },
    { path: ['maxSteps'], message: 'too few' },
    { path: [], message: 'in general' },
  ])
  t.equal(
    error.message,
    '-s maxSteps=3: maxSteps: too few\ns.yaml:1:1: in general\ns.yaml:3:10: space.lambda: the problem has no such parameter',
  )
  t.end()
})
