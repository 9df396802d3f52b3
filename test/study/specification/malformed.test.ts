// Every malformed study file has its own message, with the line: all of them, exactly.
import t from 'tap'
import { DataError } from '../../../lib/base/errors.js'
import { StudyError } from '../../../lib/study/specification/fault.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import { malformedParts } from './malformedParts.js'
import { malformedSpaces } from './malformedSpaces.js'
import { malformedTexts } from './malformedTexts.js'
import { base } from './written.js'

const all = [...malformedTexts, ...malformedSpaces, ...malformedParts]

const refused = (text: string, file = 'study.yaml'): StudyError => {
  try {
    parseStudy(text, { file })
  } catch (error) {
    if (error instanceof StudyError) return error
    throw error
  }
  throw new Error('it was accepted')
}

t.test('what is wrong is told, with its line', (t) => {
  t.ok(all.length >= 100, 'there are many of them')
  t.equal(new Set(all.map(([name]) => name)).size, all.length, 'no name stands twice')
  for (const [name, text, faults] of all) {
    t.equal(refused(text).message, faults.map((fault) => `study.yaml:${fault}`).join('\n'), name)
  }
  t.end()
})

t.test('messages are of use', (t) => {
  for (const [name, text] of all) {
    const { faults, message } = refused(text, 'folder/my study.yaml')
    t.ok(faults.length > 0, name)
    for (const { place, line, column } of faults) {
      const lines = text.split('\n')
      t.equal(place, `folder/my study.yaml:${String(line)}:${String(column)}`, name)
      t.ok(line !== undefined && line >= 1 && line <= lines.length, name)
      t.ok(column !== undefined && column >= 1 && column <= (lines[(line ?? 1) - 1] ?? '').length + 1, name)
    }
    t.notMatch(message, /invalid|undefined|\[object|zod/i, name)
  }
  t.end()
})

t.test('no two of them say the same, but for what nothing and a comment say', (t) => {
  const messages = all.map(([, , faults]) => faults.join('\n'))
  t.equal(new Set(messages).size, messages.length - 1)
  t.end()
})

t.test('the error', (t) => {
  const error = refused(`${base}seed: -1\nrepeats: 0\n`)
  t.ok(error instanceof DataError)
  t.equal(error.code, 'ERR_STUDY')
  t.equal(error.name, 'StudyError')
  t.strictSame(error.faults, [
    {
      place: 'study.yaml:4:7',
      line: 4,
      column: 7,
      path: 'seed',
      message: 'expected an integer in [0, 9007199254740991]; received -1',
    },
    {
      place: 'study.yaml:5:10',
      line: 5,
      column: 10,
      path: 'repeats',
      message: 'expected an integer ≥ 1; received 0',
    },
  ])
  const many = refused(
    `${base}${Array.from({ length: 60 }, (_, i) => `unknown${String(i)}: 1`).join('\n')}\n`,
  )
  t.equal(many.faults.length, 60)
  t.equal(many.message.split('\n').length, 51)
  t.match(many.message, /\nand 10 more faults$/)
  t.end()
})
