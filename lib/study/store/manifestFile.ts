// The manifest as a file: its bytes, their check, and how two manifests differ, in words.
import { DataError } from '../../base/errors.js'
import { fromExactJson, toExactJson } from '../../base/exactJson.js'
import { differences } from '../specification/identity.js'
import { isBlobHash } from './blobStore.js'
import type { Manifest, Variant } from './manifest.js'
import { variantRows } from './manifest.js'

/** Of the format of run directories that this version of onestep makes, and the newest that it reads. */
export const manifestVersion = 1

export { blobHash, isBlobHash } from './blobStore.js'

/** The bytes of manifest.json, which are a blob, too. */
export const manifestBytes = (manifest: Manifest): Uint8Array =>
  new TextEncoder().encode(`${toExactJson(manifest)}\n`)

type Fields = Readonly<Record<string, unknown>>

const isRecord = (x: unknown): x is Fields => typeof x === 'object' && x !== null && !Array.isArray(x)
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0
const isName = (x: unknown): x is string => typeof x === 'string' && x !== ''

const isNamed = (x: unknown): boolean => isRecord(x) && isName(x['name']) && isRecord(x['options'])

const isVariant = (x: unknown): boolean =>
  isRecord(x) &&
  typeof x['name'] === 'string' &&
  isNamed(x['strategy']) &&
  isNamed(x['solver']) &&
  typeof x['tolerance'] === 'number' &&
  Array.isArray(x['programs']) &&
  x['programs'].every(isBlobHash)

const isColumn = (x: unknown): boolean =>
  isRecord(x) &&
  isName(x['name']) &&
  ['number', 'integer', 'code', 'list'].includes(x['kind'] as string) &&
  Array.isArray(x['shape']) &&
  x['shape'].every(isCount) &&
  (x['kind'] === 'code') === Array.isArray(x['names'])

/** What a manifest must be, field by field; the specification has been checked by whoever wrote it. */
const checks: Readonly<Record<string, (x: unknown) => boolean>> = {
  id: (x) => typeof x === 'string' && /^[0-9a-f]{16}$/.test(x),
  onestep: isName,
  specification: (x) => isRecord(x) && isName(x['name']) && isCount(x['repeats']) && isCount(x['seed']),
  variants: (x) => Array.isArray(x) && x.length > 0 && x.every(isVariant),
  columns: (x) => Array.isArray(x) && x.length > 0 && x.every(isColumn),
  thetas: isCount,
  rows: isCount,
  chunkRows: (x) => isCount(x) && x > 0,
  blobs: (x) => Array.isArray(x) && x.every(isBlobHash),
}

/**
 * The manifest in the bytes of a file.
 * @throws {DataError} when it is none, or a later version wrote it
 */
export const readManifest = (bytes: Uint8Array, source: string): Manifest => {
  const refuse = (what: string, detail: { expected: string; received?: string }): never => {
    throw new DataError(`${source}: ${what}`, {
      code: 'ERR_MANIFEST',
      ...detail,
      remedy: 'Restore the file from a copy, or run the study in a new folder',
    })
  }
  let value: unknown
  try {
    value = fromExactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new DataError(`${source}: no manifest of a study`, {
      code: 'ERR_MANIFEST',
      received: error instanceof Error ? error.message : String(error),
      remedy: 'Restore the file from a copy, or run the study in a new folder',
      cause: error,
    })
  }
  if (!isRecord(value) || value['format'] !== 'onestep study') {
    return refuse('no manifest of a study', { expected: 'format "onestep study"' })
  }
  const { version } = value
  if (isCount(version) && version > manifestVersion) {
    throw new DataError(`${source}: the run directory of a later version of onestep`, {
      code: 'ERR_VERSION',
      expected: `version ${String(manifestVersion)} of the format or older`,
      received: `version ${String(version)}`,
      remedy: 'Install the version of onestep that made it, or a later one',
    })
  }
  if (version !== manifestVersion) {
    refuse('a manifest without a version', { expected: `version ${String(manifestVersion)}` })
  }
  for (const [name, holds] of Object.entries(checks)) {
    if (!holds(value[name])) refuse(`a damaged manifest: ${name}`, { expected: 'what onestep writes' })
  }
  const manifest = value as unknown as Manifest
  const rows = manifest.variants.length * variantRows(manifest)
  if (manifest.rows !== rows) {
    refuse('a damaged manifest: rows', { expected: String(rows), received: String(manifest.rows) })
  }
  return manifest
}

const programs = ({ variants }: Manifest): Map<string, string> =>
  new Map(variants.map(({ name, programs }: Variant) => [name, programs.join(' ')]))

/** What differs between the study of a run directory and another, one line each. */
export const manifestDifferences = (before: Manifest, after: Manifest): string[] => {
  const specification = differences(before.specification, after.specification)
  const version =
    before.onestep === after.onestep ? [] : [`the version of onestep: ${before.onestep} → ${after.onestep}`]
  const others = programs(after)
  const changed = [...programs(before)].filter(
    ([name, hashes]) => others.has(name) && others.get(name) !== hashes,
  )
  // What the file says makes programs, too: they tell of the problem only where it says the same.
  const code =
    changed.length === 0 || specification.length > 0
      ? []
      : [
          `the programs of ${String(changed.length)} of ${String(before.variants.length)} variants (first: ${changed[0]?.[0] ?? ''}): the problem, its data or its solver changed`,
        ]
  const rest =
    before.chunkRows === after.chunkRows
      ? []
      : [`rows of a chunk: ${String(before.chunkRows)} → ${String(after.chunkRows)}`]
  const all = [...specification, ...version, ...code, ...rest]
  return all.length > 0 ? all : [`what its rows are made of: ${before.id} → ${after.id}`]
}
