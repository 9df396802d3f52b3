// From what a study says to what any machine can compute: variants are traced, their programs and arrays become blobs, and the manifest
// says which row is what.
import { createHash } from 'node:crypto'
import { toExactJson } from '../base/exactJson.js'
import { ArgumentError, ShapeError, closest } from '../base/errors.js'
import { array } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import { formatShape, sameShape } from '../base/shape.js'
import { localExecutor } from '../runtime/executor.js'
import type { ProgramParts } from '../runtime/storedProgram.js'
import { descentColumns, storeDescent } from './compute/descent.js'
import { mapColumns, mapFunction, storeMap, storePlain } from './compute/map.js'
import { cellsOf } from './compute/variants.js'
import type { Cell } from './compute/variants.js'
import type { LoadedProblem } from './problem/load.js'
import type { StudyProblem } from './problem/studyProblem.js'
import { thetaBlock, thetaCount } from './space/space.js'
import { studyIdentity } from './specification/identity.js'
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
export const blobOf = (value: unknown): readonly [hash: string, bytes: Uint8Array] => {
  const bytes = new TextEncoder().encode(toExactJson(value))
  return [hashOf(bytes), bytes]
}

/** Refuses axes that are no parameters of the problem, and parameters that have no axis. */
const checkAxes = ({ space }: StudySpecification, { theta }: StudyProblem): void => {
  const [axes, parameters] = [Object.keys(space.axes), Object.keys(theta)]
  for (const axis of axes) {
    if (!Object.hasOwn(theta, axis)) {
      const guess = closest(axis, parameters)
      throw new ArgumentError(`space: the problem has no parameter "${axis}"`, {
        expected: parameters.join(', '),
        received: axis,
        remedy: guess === undefined ? 'Take one of these' : `Did you mean "${guess}"?`,
      })
    }
    const [given, wanted] = [space.axes[axis]?.shape ?? [], array(theta[axis] as never).shape]
    if (sameShape(given, wanted)) continue
    throw new ShapeError(`space: the parameter "${axis}" has another shape`, {
      expected: formatShape(wanted),
      received: formatShape(given),
      remedy: `Give the axis the shape [${wanted.join(', ')}]`,
    })
  }
  const missing = parameters.find((parameter) => !axes.includes(parameter))
  if (missing === undefined) return
  throw new ArgumentError(`space: the parameter "${missing}" has no axis`, {
    expected: parameters.join(', '),
    received: axes.join(', ') || 'none',
    remedy: `Give it values: ${missing}: [1]`,
  })
}

/** Refuses metrics that the problem does not have. */
const checkMetrics = ({ metrics = [] }: StudySpecification, problem: StudyProblem): void => {
  const known = Object.keys(problem.metrics ?? {})
  const unknown = metrics.find((name) => !known.includes(name))
  if (unknown === undefined) return
  const guess = closest(unknown, known)
  throw new ArgumentError(`metrics: the problem has no metric "${unknown}"`, {
    expected: known.join(', ') || 'none',
    received: unknown,
    remedy: guess === undefined ? 'Leave it out' : `Did you mean "${guess}"?`,
  })
}

/** A plain problem has no strategies and solvers to choose from. */
const checkPlain = ({ kind, strategies, solvers }: StudySpecification): void => {
  const choice = [...strategies, ...solvers].filter(({ name }) => name !== 'default')
  if (kind === 'map' && choice.length === 0) return
  throw new ArgumentError('the problem module exports a function only, which has no variants', {
    expected: 'kind: map, without strategies and solvers',
    received: [kind, ...choice.map(({ name }) => name)].join(', '),
    remedy: 'Export defineStudyProblem({ theta, solvers, x0, outer })',
  })
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
    checkPlain(specification)
    return mapped(cells.map(() => [storePlain(loaded.problem, thetas)]))
  }
  const { problem } = loaded
  checkAxes(specification, problem)
  checkMetrics(specification, problem)
  if (kind === 'map') {
    return mapped(cells.map((cell) => [storeMap(mapFunction(specification, problem, cell), thetas)]))
  }
  const here = localExecutor()
  const programs: (readonly ProgramParts[])[] = []
  for (const cell of cells) programs.push(await storeDescent(specification, problem, cell, { thetas, here }))
  return { programs, columns: descentColumns(specification, names) }
}

/**
 * Traces all variants of a study of kind `map` or `descent`.
 * @throws {ArgumentError | ShapeError} where the problem does not have what the study asks of it.
 */
export const prepareStudy = async (
  specification: StudySpecification,
  loaded: LoadedProblem,
  version: string,
): Promise<PreparedStudy> => {
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
