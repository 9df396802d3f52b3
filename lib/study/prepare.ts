// From what a study says to what any machine can compute: variants are traced, their programs and arrays become blobs, and the manifest
// says which row is what.
import { createHash } from 'node:crypto'
import { toExactJson } from '../base/exactJson.js'
import type { NDArray } from '../base/ndarray.js'
import { localExecutor } from '../runtime/executor.js'
import { storeProgram } from '../runtime/storedProgram.js'
import type { ProgramParts } from '../runtime/storedProgram.js'
import { descentColumns, storeDescent } from './compute/descent.js'
import { mapColumns, mapFunction, storePlain } from './compute/map.js'
import { cellsOf } from './compute/variants.js'
import type { Cell } from './compute/variants.js'
import type { LoadedProblem } from './problem/load.js'
import { thetaBlock, thetaCount } from './space/space.js'
import { fitFlaws } from './specification/fit.js'
import { studyIdentity } from './specification/identity.js'
import type { ParsedStudy } from './specification/read.js'
import type { StudySpecification } from './specification/specification.js'
import type { Column } from './store/block.js'
import type { Manifest, Variant } from './store/manifest.js'

/** A study that can be computed, but for how many rows a chunk has. */
export interface PreparedStudy {
  readonly manifest: Omit<Manifest, 'chunkRows'>
  readonly blobs: ReadonlyMap<string, Uint8Array>
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A value as a blob: its exact JSON under its hash. */
const blobOf = (value: unknown): readonly [hash: string, bytes: Uint8Array] => {
  const bytes = new TextEncoder().encode(toExactJson(value))
  return [hashOf(bytes), bytes]
}

interface Traced {
  readonly programs: readonly (readonly ProgramParts[])[]
  readonly columns: readonly Column[]
}

const trace = async (
  specification: StudySpecification,
  loaded: LoadedProblem,
  cells: readonly Cell[],
): Promise<Traced> => {
  const { kind, space, seed } = specification
  const thetas: Readonly<Record<string, NDArray>> = thetaBlock(space, { seed, repeat: 0, lo: 0, hi: 1 })
  const names = cells.map(({ name }) => name)
  const mapped = (programs: readonly (readonly ProgramParts[])[]): Traced => ({
    programs,
    columns: mapColumns(specification, names, (programs[0]?.[0] as ProgramParts).record),
  })
  if (loaded.kind === 'plain') {
    return mapped(cells.map(() => [storePlain(loaded.problem, thetas)]))
  }
  const { problem } = loaded
  if (kind === 'map') {
    return mapped(cells.map((cell) => [storeProgram(mapFunction(specification, problem, cell), [thetas])]))
  }
  const here = localExecutor()
  const programs: (readonly ProgramParts[])[] = []
  for (const cell of cells) programs.push(await storeDescent(specification, problem, cell, { thetas, here }))
  return { programs, columns: descentColumns(specification, names) }
}

/**
 * Traces all variants of a study of kind `map` or `descent`.
 * @throws {StudyError} where the problem does not have what the study asks of it.
 */
export const prepareStudy = async (
  { specification, refusal }: ParsedStudy,
  loaded: LoadedProblem,
  version: string,
): Promise<PreparedStudy> => {
  const flaws = fitFlaws(specification, loaded)
  if (flaws.length > 0) throw refusal(flaws)
  const cells = cellsOf(specification)
  const { programs, columns } = await trace(specification, loaded, cells)
  const blobs = new Map<string, Uint8Array>()
  const variants = cells.map(({ name, strategy, solver, tolerance }, k): Variant => {
    const hashes = (programs[k] ?? []).map(({ record, parts }) => {
      for (const [hash, bytes] of parts) blobs.set(hash, bytes)
      const [hash, bytes] = blobOf(record)
      blobs.set(hash, bytes)
      return hash
    })
    return { name, strategy, solver, tolerance, programs: hashes }
  })
  const thetas = thetaCount(specification.space)
  const identity = [studyIdentity(specification), version, ...variants.flatMap((variant) => variant.programs)]
  return {
    manifest: {
      format: 'onestep study',
      version: 1,
      id: createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 16),
      onestep: version,
      specification,
      variants,
      columns,
      thetas,
      rows: variants.length * specification.repeats * thetas,
      blobs: [...blobs.keys()].sort(),
    },
    blobs,
  }
}
