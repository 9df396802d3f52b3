// Errors that cross threads: a record, structured cloning, and the same error again.
import { test } from 'tap'
import { Worker } from 'node:worker_threads'
import { fromRecord, toRecord } from '../../lib/base/errorRecord.js'
import * as errors from '../../lib/base/errors.js'
import { ArgumentError, DataError, OnestepError, ShapeError } from '../../lib/base/errors.js'

const crossed = (thrown: unknown): Error => fromRecord(structuredClone(toRecord(thrown)))

/** What a reader of an error can see of it. */
const facts = (error: Error): object => ({
  class: error.constructor,
  name: error.name,
  message: error.message,
  stack: error.stack,
  keys: Object.keys(error).sort(),
  fields: { ...error },
  cause: error.cause instanceof Error ? facts(error.cause) : error.cause,
  hasCause: 'cause' in error,
})

type Own = new (what: string, detail: errors.ErrorDetail) => OnestepError
const ownClasses = Object.entries(errors).filter(
  ([, x]) => x === OnestepError || x.prototype instanceof OnestepError,
) as unknown as readonly (readonly [string, Own])[]

test('every class of errors.ts comes back as itself', async (t) => {
  t.ok(ownClasses.length >= 8, 'the classes were found')
  for (const [name, Kind] of ownClasses) {
    const full = new Kind(`${name} happened`, {
      code: 'ERR_OWN_CODE',
      expected: 'this',
      received: 'that',
      remedy: 'Do something',
      where: 'file.ts:1:2',
      cause: new RangeError('below'),
    })
    for (const error of [full, new Kind('bare', { code: 'ERR_BARE' }), full.retold({ what: 'retold' })]) {
      const back = crossed(error)
      t.ok(back instanceof Kind && back.constructor === Kind, name)
      t.strictSame(facts(back), facts(error), name)
      t.strictSame(facts(crossed(back)), facts(error), `${name}, twice`)
      t.equal((back as OnestepError).retold({ where: 'here' }).where, 'here', 'and works as one')
    }
  }
})

class Unknown extends ShapeError {
  readonly lane = 3
}
class Foreign extends TypeError {
  override readonly name = 'Foreign'
}

const errorCases: readonly (readonly [name: string, error: Error, kind: new (...args: never[]) => Error])[] =
  [
    ...[Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map(
      (Kind) => [Kind.name, new Kind('text', { cause: 'a text' }), Kind] as const,
    ),
    ['a cause that is undefined', new Error('x', { cause: undefined }), Error],
    ['an abort', new DOMException('stopped', 'AbortError'), DOMException],
    ['a class of one thread only', new Unknown('x', { expected: 'y' }), ShapeError],
    ['a class of one thread only, of the language', new Foreign('x'), TypeError],
    [
      'a system error',
      Object.assign(new Error('ENOENT: no'), { code: 'ENOENT', errno: -2, path: '/x' }),
      Error,
    ],
    ['a changed message', Object.assign(new ArgumentError('x'), { message: 'another' }), ArgumentError],
    [
      'fields that are data',
      Object.assign(new Error('x'), { map: new Map([[1, Float64Array.of(-0, NaN)]]) }),
      Error,
    ],
    [
      'a field named __proto__',
      Object.defineProperty(new Error('x'), '__proto__', { value: 1, enumerable: true }),
      Error,
    ],
    [
      'chained causes',
      new DataError('a', { cause: new ShapeError('b', { cause: new SyntaxError('c') }) }),
      DataError,
    ],
  ]

test('other errors keep class, fields, stack and causes', async (t) => {
  for (const [name, error, Kind] of errorCases) {
    const back = crossed(error)
    t.equal(back.constructor, Kind, name)
    t.strictSame({ ...facts(back), class: 0 }, { ...facts(error), class: 0 }, name)
  }
  const back = crossed(new AggregateError([new ShapeError('a'), 'b'], 'several')) as AggregateError
  t.ok(back instanceof AggregateError && back.message === 'several')
  t.ok(back.errors[0] instanceof ShapeError && back.errors[1] === 'b')
})

test('a worker throws, and the class arrives', async (t) => {
  const own = new URL('../../lib/base/', import.meta.url).href
  const source = `
    import { parentPort } from 'node:worker_threads'
    const { ArgumentError } = await import('${own}errors.js')
    const { toRecord } = await import('${own}errorRecord.js')
    parentPort.postMessage(toRecord(new ArgumentError('wrong', { remedy: 'Mend it' })))`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  const back = await new Promise((resolve, reject) => {
    worker.once('message', (record: Parameters<typeof fromRecord>[0]) => {
      resolve(fromRecord(record))
    })
    worker.once('error', reject)
  })
  t.ok(back instanceof ArgumentError)
  t.match(back, { code: 'ERR_ARGUMENT', remedy: 'Mend it', message: 'wrong. Mend it.' })
})

const values: readonly (readonly [name: string, thrown: unknown, message: RegExp, cause: unknown])[] = [
  ['undefined', undefined, /no error: undefined/, undefined],
  ['null', null, /no error: null/, null],
  ['a text', 'out of luck', /no error: "out of luck"/, 'out of luck'],
  ['a number', 42, /no error: 42/, 42],
  ['a record', { message: 'm' }, /no error: \[object Object\]/, { message: 'm' }],
  ['a symbol', Symbol('s'), /Symbol\(s\)/, 'Symbol(s)'],
  ['a function', function named() {}, /function named/, 'function named'],
  ['a Proxy that refuses', new Proxy({}, refusing()), /cannot be read/, /cannot be read/],
]

function refusing(): ProxyHandler<object> {
  const refuse = (): never => {
    throw new Error('refused')
  }
  return {
    get: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
    has: refuse,
    getOwnPropertyDescriptor: refuse,
  }
}

test('thrown values that are no error come as the cause of one', async (t) => {
  for (const [name, thrown, message, cause] of values) {
    const back = crossed(thrown)
    t.equal(back.constructor, Error, name)
    t.match(back.message, message, name)
    if (cause instanceof RegExp) t.match(back.cause, cause, name)
    else t.strictSame(back.cause, cause, name)
  }
})

const withGetter = (key: string): Error =>
  Object.defineProperty(new ShapeError('kept', { remedy: 'Mend it' }), key, {
    enumerable: true,
    get: () => {
      throw new Error('a trap')
    },
  })

test('hostile errors', async (t) => {
  for (const key of ['name', 'message', 'stack', 'cause', 'code', 'extra']) {
    const back = crossed(withGetter(key)) as ShapeError
    t.ok(back instanceof ShapeError && back.remedy === 'Mend it', `the rest is there, but for ${key}`)
    t.match((back as unknown as Record<string, unknown>)[key], /cannot be read/, key)
  }
  const held = Object.assign(new ShapeError('x'), { fn: () => 1, port: new MessageChannel().port1, ok: [1] })
  t.strictSame({ ...crossed(held) }, { ...held, fn: 'function fn', port: '[object EventTarget]' })
  held.port.close()

  const [a, b] = [new ShapeError('a'), new TypeError('b')]
  a.cause = b
  b.cause = a
  const back = crossed(a)
  t.ok(back instanceof ShapeError && back.cause instanceof TypeError)
  t.equal((back.cause as Error).cause, back, 'a cycle of causes is one again')

  let long = new Error('0')
  for (let i = 1; i < 20_000; i++) long = new Error(String(i), { cause: long })
  let depth = 0
  for (let at: unknown = crossed(long); at instanceof Error; at = at.cause) depth++
  t.equal(depth, 100, 'a long chain is cut')
  const refused = new Proxy(new Error('x'), refusing())
  t.match(crossed(refused).message, /no error/)
  const aggregate = Object.defineProperty(new AggregateError([]), 'errors', { get: () => 5 })
  t.strictSame((crossed(aggregate) as AggregateError).errors, [])
})

test('a record of a class that this version does not know is an error all the same', async (t) => {
  const record = { ...(toRecord(new ShapeError('x')) as object), kind: 'constructor' }
  const back = fromRecord(record as ReturnType<typeof toRecord>)
  t.equal(back.constructor, Error)
  t.match(back, { name: 'ShapeError', code: 'ERR_SHAPE', message: 'x.' })
})
