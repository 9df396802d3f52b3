// Where a broker may be, and that its password is seen nowhere.
import fc from 'fast-check'
import { test } from 'tap'
import { OnestepError } from '../../lib/base/errors.js'
import {
  brokerError,
  brokerVariable,
  givenBroker,
  maskedUrl,
  parseBrokerUrl,
  safeBrokerAddress,
  withoutSecrets,
} from '../../lib/cluster/security.js'

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return error instanceof OnestepError ? error.code : String(error)
  }
}

test('a URL is taken apart', async (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ['redis://localhost', { engine: 'redis', host: 'localhost', port: 6379, database: '0' }],
    [
      'redis://:p%40ss@127.0.0.1:7000/3',
      { engine: 'redis', host: '127.0.0.1', port: 7000, password: 'p@ss', database: '3' },
    ],
    [
      'rediss://me:secret@cache.example:6380',
      {
        engine: 'redis',
        host: 'cache.example',
        port: 6380,
        user: 'me',
        password: 'secret',
        tls: {},
        database: '0',
      },
    ],
    ['redis://[::1]:6379', { engine: 'redis', host: '::1', port: 6379, database: '0' }],
    [
      'postgres://me@localhost/studies',
      { engine: 'postgres', host: 'localhost', port: 5432, user: 'me', database: 'studies' },
    ],
    [
      'postgresql://me:x@db.example:6000/s?sslmode=verify-full',
      {
        engine: 'postgres',
        host: 'db.example',
        port: 6000,
        user: 'me',
        password: 'x',
        tls: {},
        database: 's',
      },
    ],
    [
      'postgres://localhost/s?sslmode=disable',
      { engine: 'postgres', host: 'localhost', port: 5432, database: 's' },
    ],
  ]
  for (const [url, expected] of rows) {
    const { masked, ...rest } = parseBrokerUrl(url)
    t.strictSame(rest, expected, url)
    t.equal(masked, maskedUrl(url))
  }
})

test('what is safe and what is not', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['redis://localhost', 'accepted'],
    ['redis://127.3.2.1', 'accepted'],
    ['redis://[::1]', 'accepted'],
    ['postgres://localhost', 'accepted'],
    ['rediss://:secret@cache.example', 'accepted'],
    ['postgres://me:secret@db.example/s?sslmode=require', 'accepted'],
    ['postgres://me:secret@db.example/s?sslmode=verify-full', 'accepted'],
    ['redis://cache.example', 'ERR_BROKER_INSECURE'],
    ['redis://:secret@cache.example', 'ERR_BROKER_INSECURE'],
    ['rediss://cache.example', 'ERR_BROKER_INSECURE'],
    ['redis://192.168.0.7', 'ERR_BROKER_INSECURE'],
    ['redis://0.0.0.0', 'ERR_BROKER_INSECURE'],
    ['redis://127.0.0.1.example', 'ERR_BROKER_INSECURE'],
    ['redis://localhost.example', 'ERR_BROKER_INSECURE'],
    ['postgres://me:secret@db.example/s', 'ERR_BROKER_INSECURE'],
    ['postgres://me:secret@db.example/s?sslmode=disable', 'ERR_BROKER_INSECURE'],
    ['postgres://me@db.example/s?sslmode=verify-full', 'ERR_BROKER_INSECURE'],
    // Drivers know ways to name another host, or to forgo the certificate, in the query.
    ['postgres://me:secret@localhost/s?host=db.example', 'ERR_BROKER_URL'],
    ['postgres://me:secret@db.example/s?sslmode=no-verify', 'ERR_BROKER_URL'],
    ['postgres://me:secret@db.example/s?sslmode=require&uselibpqcompat=true', 'ERR_BROKER_URL'],
    ['redis://localhost?host=cache.example', 'ERR_BROKER_URL'],
    ['rediss://:secret@cache.example?sslmode=disable', 'ERR_BROKER_URL'],
    ['postgres:///s', 'ERR_BROKER_URL'],
    ['postgres://%2Ftmp/s', 'ERR_BROKER_URL'],
    ['redis://localhost/studies', 'ERR_BROKER_URL'],
    ['http://localhost', 'ERR_BROKER_URL'],
    ['localhost:6379', 'ERR_BROKER_URL'],
    ['', 'ERR_BROKER_URL'],
    ['rediss://:secret@cache.example?sslrootcert=/nowhere/ca.pem', 'ERR_DATA'],
  ]
  for (const [url, expected] of rows)
    t.equal(
      codeOf(() => safeBrokerAddress(url)),
      expected,
      url,
    )
  for (const url of ['redis://cache.example', 'postgres://me:secret@db.example/s']) {
    t.equal(
      codeOf(() => safeBrokerAddress(url, { insecure: true })),
      'accepted',
      url,
    )
  }
})

test('no password gets into masks, messages and errors', async (t) => {
  // It begins with what stands in no message: "ame" would be found in "name".
  const password = fc.string({ minLength: 3, maxLength: 30, unit: 'grapheme' }).map((secret) => `§${secret}`)
  fc.assert(
    fc.property(password, fc.constantFrom('redis', 'rediss', 'postgres'), (secret, scheme) => {
      const encoded = encodeURIComponent(secret)
      const url = `${scheme}://user:${encoded}@127.0.0.1:6379/0`
      const said = `connect to ${url} and back failed: ${secret} ${encoded}`
      const error = brokerError(
        'connect',
        url,
        Object.assign(new Error(said), { command: { args: [secret] } }),
      )
      for (const text of [maskedUrl(url), withoutSecrets(said, url), error.message, JSON.stringify(error)]) {
        for (const form of [secret, encoded]) if (text.includes(form)) return false
      }
      return error.cause === undefined && parseBrokerUrl(url).password === secret
    }),
  )
  t.equal(maskedUrl('redis://:secret@localhost'), 'redis://:***@localhost')
  t.equal(
    maskedUrl('postgres://me:secret@db.example/s?sslmode=verify-full&password=secret'),
    'postgres://me:***@db.example/s?sslmode=verify-full',
  )
  // Passwords that were not encoded.
  const careless = [
    'redis:secret',
    'redis://:se/cret@host',
    'redis://me:12/secret@host',
    'redis://me:1#secret@host',
  ]
  for (const url of [...careless, 'postgres://me:1?secret@host/s', 'postgres://me:1/s#secret']) {
    t.equal(maskedUrl(url), '(no URL of a broker)', url)
    t.equal(
      codeOf(() => parseBrokerUrl(url)),
      'ERR_BROKER_URL',
      url,
    )
  }
  t.equal(maskedUrl('secret'), '(no URL of a broker)')
})

test('the variable is used where there is no option, and not handed on', async (t) => {
  const before = process.env[brokerVariable]
  t.teardown(() => {
    if (before !== undefined) process.env[brokerVariable] = before
  })
  process.env[brokerVariable] = 'redis://:secret@localhost'
  t.equal(givenBroker('redis://127.0.0.1'), 'redis://127.0.0.1')
  t.equal(process.env[brokerVariable], undefined)
  process.env[brokerVariable] = 'redis://:secret@localhost'
  t.equal(givenBroker(undefined), 'redis://:secret@localhost')
  t.equal(process.env[brokerVariable], undefined)
  t.equal(givenBroker(undefined), undefined)
})
