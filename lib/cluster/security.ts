// Where a broker is, and whether it is safe to go there. A broker decides what machines compute and sees all results, so one that is
// not on this machine must ask for a password and speak TLS. The password is never shown: not in messages, files or process titles.
import { readFileSync } from 'node:fs'
import { ArgumentError, DataError, OnestepError, checkOptions } from '../base/errors.js'

export type BrokerEngine = 'redis' | 'postgres'

/** Certificates, in PEM. */
export interface BrokerTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** A broker's URL, taken apart. Drivers are given these fields, never the URL: nothing in it can mean something else to them. */
export interface BrokerAddress {
  readonly engine: BrokerEngine
  readonly host: string
  readonly port: number
  readonly user?: string
  readonly password?: string
  /** The number of a Redis database, the name of a PostgreSQL one. */
  readonly database: string
  /** Absent: not encrypted. */
  readonly tls?: BrokerTls
  /** The URL as it may be shown. */
  readonly masked: string
}

const engines: Readonly<Record<string, { engine: BrokerEngine; port: number; database: string }>> = {
  'redis:': { engine: 'redis', port: 6379, database: '0' },
  'rediss:': { engine: 'redis', port: 6379, database: '0' },
  'postgres:': { engine: 'postgres', port: 5432, database: 'postgres' },
  'postgresql:': { engine: 'postgres', port: 5432, database: 'postgres' },
}

const examples =
  'redis://localhost:6379, rediss://:PASSWORD@host:6380, postgres://user:PASSWORD@host/database?sslmode=verify-full'

/** The URL of a broker; undefined for anything else, and where a password that is not percent-encoded was taken for a host or a path. */
const parsed = (url: string): URL | undefined => {
  try {
    const at = new URL(url)
    const { protocol, host, pathname, search, hash } = at
    const plain = host !== '' && hash === '' && !`${pathname}${search}`.includes('@')
    return plain && Object.hasOwn(engines, protocol) ? at : undefined
  } catch {
    return undefined
  }
}

/** The URL without its secrets: no password, and of its query the mode of TLS alone. */
export const maskedUrl = (url: string): string => {
  const at = parsed(url)
  if (at === undefined) return '(no URL of a broker)'
  const user = at.username
  const password = at.password === '' ? '' : ':***'
  const mode = at.searchParams.get('sslmode')
  const query = mode !== null && /^[a-z-]{1,20}$/.test(mode) ? `?sslmode=${mode}` : ''
  const account = user + password === '' ? '' : `${user}${password}@`
  return `${at.protocol}//${account}${at.host}${at.pathname}${query}`
}

/** A text, of a driver perhaps, in which the password of the URL does not stand, however it is written. */
export const withoutSecrets = (text: string, url: string): string => {
  const written = parsed(url)?.password ?? ''
  const secrets = [url, written, decoded(written), encodeURIComponent(decoded(written))]
  return secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, () => (secret === url ? maskedUrl(url) : '***')), text)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const wrongUrl = (url: string, what: string, received?: string): ArgumentError =>
  new ArgumentError(`the broker's URL ${maskedUrl(url)}: ${what}`, {
    code: 'ERR_BROKER_URL',
    expected: examples,
    received,
  })

const certificate = (query: URLSearchParams, name: string): string | undefined => {
  const file = query.get(name)
  if (file === null) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new DataError(`${name} of the broker's URL: ${file} cannot be read`, {
      remedy: 'Name a PEM file that this user can read',
      cause,
    })
  }
}

const modes = ['disable', 'require', 'verify-ca', 'verify-full']

/** TLS always verifies the server: by the authorities that Node knows, or the one in sslrootcert. */
const tlsOf = (url: string, at: URL): BrokerTls | undefined => {
  const query = at.searchParams
  for (const name of query.keys()) {
    if (!['sslmode', 'sslrootcert', 'sslcert', 'sslkey'].includes(name)) {
      throw wrongUrl(
        url,
        'it may have sslmode, sslrootcert, sslcert and sslkey after the question mark',
        name,
      )
    }
  }
  const mode = query.get('sslmode')
  if (mode !== null && !modes.includes(mode)) throw wrongUrl(url, `sslmode is one of ${modes.join(', ')}`)
  const isRedis = engines[at.protocol]?.engine === 'redis'
  if (isRedis && mode !== null) throw wrongUrl(url, 'rediss:// is Redis over TLS, without sslmode')
  const encrypted = isRedis ? at.protocol === 'rediss:' : mode !== null && mode !== 'disable'
  if (!encrypted) return undefined
  const [ca, cert, key] = ['sslrootcert', 'sslcert', 'sslkey'].map((name) => certificate(query, name))
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

/** Takes a URL apart. @throws {ArgumentError} for one that names no broker. */
export const parseBrokerUrl = (url: string): BrokerAddress => {
  const at = parsed(url)
  const kind = engines[at?.protocol ?? '']
  if (at === undefined || kind === undefined) {
    throw wrongUrl(url, 'it cannot be read; in a password, write / as %2F, # as %23, ? as %3F and @ as %40')
  }
  const host = decoded(at.hostname).replace(/^\[(.*)\]$/, '$1')
  if (/[/\\\s]/.test(host)) throw wrongUrl(url, 'it names no host')
  const database = decoded(at.pathname.slice(1)) || kind.database
  if (kind.engine === 'redis' && !/^\d{1,4}$/.test(database)) {
    throw wrongUrl(url, 'a Redis database is a number', database)
  }
  const tls = tlsOf(url, at)
  const [user, password] = [decoded(at.username), decoded(at.password)]
  return {
    engine: kind.engine,
    host,
    port: at.port === '' ? kind.port : Number(at.port),
    database,
    masked: maskedUrl(url),
    ...(user !== '' && { user }),
    ...(password !== '' && { password }),
    ...(tls !== undefined && { tls }),
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

/**
 * Takes a URL apart and refuses an unsafe one.
 * @throws {ArgumentError} for a broker on another machine that has no password (or certificate) or no TLS, unless `insecure`.
 */
export const safeBrokerAddress = (
  url: string,
  options: { readonly insecure?: boolean } = {},
): BrokerAddress => {
  checkOptions('safeBrokerAddress', options, ['insecure'])
  const address = parseBrokerUrl(url)
  if (isLoopback(address.host) || options.insecure === true) return address
  const missing = [
    ...(address.password === undefined && address.tls?.key === undefined ? ['a password'] : []),
    ...(address.tls === undefined ? ['TLS'] : []),
  ]
  if (missing.length > 0) {
    throw new ArgumentError(
      `the broker ${address.masked} is on another machine, without ${missing.join(' and ')}`,
      {
        code: 'ERR_BROKER_INSECURE',
        expected:
          address.engine === 'redis'
            ? 'rediss://:PASSWORD@host'
            : 'postgres://user:PASSWORD@host/database?sslmode=verify-full',
        remedy: 'Or pass --insecure-broker, where nobody else can reach the network between these machines',
      },
    )
  }
  return address
}

/** Holds the broker's URL where it is not to stand on the command line. */
export const brokerVariable = 'ONESTEP_BROKER'

/**
 * The broker that a command was given, by its option or else by the variable ONESTEP_BROKER; undefined for none. Afterwards neither
 * this process's title nor the environment of its children has the password.
 */
export const givenBroker = (option: string | undefined): string | undefined => {
  const url = option ?? process.env[brokerVariable]
  // A process must not hand it on to its children.
  delete process.env[brokerVariable]
  if (url === undefined || url === '') return undefined
  const title = [process.title.split(' ')[0] ?? 'node', ...process.argv.slice(1)].join(' ')
  if (title.includes(url)) process.title = withoutSecrets(title, url)
  return url
}

/** What a driver said, as an error of our own. Its own object is not kept: some hold the password. */
export const brokerError = (what: string, url: string, error: unknown, code = 'ERR_BROKER'): OnestepError =>
  new OnestepError(`${what}: ${withoutSecrets(reasonOf(error), url)}`, {
    code,
    remedy: `Look at the broker, ${maskedUrl(url)}`,
  })

/** What went wrong, on one line. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.replace(/\s+/g, ' ')
}
