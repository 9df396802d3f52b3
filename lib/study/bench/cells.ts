// A bench as a study: its variants are cells, size × threads × strategy × solver × tolerance, and each cell is measured in a process of
// its own, in which each measured run is a row. The rows of a process are a chunk:
//   row number = (cell · processes + process) · runs + run,   processes = `repeats` of the study, runs = `repeats` of its bench
// Sizes are outermost, so that what is compared is measured within a short time. Processes cannot take turns run by run, as contestants
// within one process do; where there are several of each cell, cells take turns process by process, and the spread between processes
// tells what the spread of runs within one cannot: how much of a difference is the hour, or the luck of one process.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ArgumentError, closest } from '../../base/errors.js'
import { gradientStatuses, statuses } from '../../base/status.js'
import { cellsOf } from '../compute/variants.js'
import { loadStudyProblem } from '../problem/load.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import { strategyOf } from '../specification/factories.js'
import { studyIdentity } from '../specification/identity.js'
import type {
  BenchSpecification,
  ProblemSpecification,
  StudySpecification,
} from '../specification/specification.js'
import type { Column } from '../store/block.js'
import type { Manifest, Variant } from '../store/manifest.js'

/** The bench of a study of kind `bench`. */
export const benchOf = ({ bench, name }: StudySpecification): BenchSpecification => {
  if (bench !== undefined) return bench
  throw new ArgumentError(`the study ${name} is no bench`, {
    expected: 'kind: bench, and bench: { sizes: […] }',
    remedy: 'Say so in the study file',
  })
}

/** Its cells. */
export const benchVariants = (specification: StudySpecification): readonly Variant[] => {
  const { sizes, threads } = benchOf(specification)
  return sizes.flatMap((size) =>
    threads.flatMap((count) =>
      cellsOf(specification).map(({ name, strategy, solver, tolerance }): Variant => {
        const differs = [
          name,
          ...(sizes.length > 1 ? [`size ${String(size)}`] : []),
          ...(threads.length > 1 ? [`${String(count)} ${count === 1 ? 'thread' : 'threads'}`] : []),
        ]
        return {
          name: differs.join(', '),
          ...{ strategy, solver, tolerance, size, threads: count },
          programs: [],
        }
      }),
    ),
  )
}

/** What a row has. */
export const benchColumns = (specification: StudySpecification): readonly Column[] => {
  const names = benchVariants(specification).map(({ name }) => name)
  const of = (kind: 'integer' | 'number', ...columns: readonly string[]): Column[] =>
    columns.map((name) => ({ name, kind, shape: [] }))
  return [
    ...of('integer', 'index'),
    names.length <= 256
      ? { name: 'variant', kind: 'code', shape: [], names }
      : { name: 'variant', kind: 'integer', shape: [] },
    ...of('integer', 'repeat', 'run', 'size', 'threads'),
    ...of('number', 'seconds', 'cpuSeconds', 'firstSeconds'),
    ...of('integer', 'calls', 'peakBytes'),
    ...of('number', 'error', 'iterations'),
    { name: 'status', kind: 'code', shape: [], names: statuses.map(({ name }) => name) },
    { name: 'gradientStatus', kind: 'code', shape: [], names: gradientStatuses.map(({ name }) => name) },
  ]
}

/** The problem of a cell: that of the study, with its size. */
const sizedProblem = (problem: ProblemSpecification, size: number | undefined): ProblemSpecification =>
  size === undefined ? problem : { ...problem, options: { ...problem.options, size } }

/**
 * Loads the problem of a cell.
 * @throws what `loadStudyProblem` does; {ArgumentError} for a module that exports a function only.
 */
export const loadCellProblem = async (
  { problem }: StudySpecification,
  { size }: Pick<Variant, 'size'>,
  folder: string,
): Promise<StudyProblem> => {
  const loaded = await loadStudyProblem(sizedProblem(problem, size), { folder })
  if (loaded.kind === 'study') return loaded.problem
  throw new ArgumentError(
    'a bench needs a problem with solvers; the problem module exports a function only',
    {
      remedy: 'Export defineStudyProblem(({ size }) => ({ theta, solvers, x0, outer }))',
    },
  )
}

/** Refuses solvers and axes that the problem does not have. */
const checkNames = ({ solvers, space }: StudySpecification, problem: StudyProblem): void => {
  const check = (what: string, names: readonly string[], known: readonly string[]): void => {
    const unknown = names.find((name) => !known.includes(name))
    if (unknown === undefined) return
    const guess = closest(unknown, known)
    throw new ArgumentError(`the problem has no ${what} "${unknown}"`, {
      expected: known.join(', '),
      received: unknown,
      remedy: guess === undefined ? 'Take one of these' : `Did you mean "${guess}"?`,
    })
  }
  const names = solvers.map(({ name }) => name)
  check('solver', names, ['default', ...Object.keys(problem.solvers)])
  check('parameter', Object.keys(space.axes), Object.keys(problem.theta))
}

/** A change of the problem module makes another study. */
const moduleHash = async ({ problem }: StudySpecification, folder: string): Promise<string> => {
  if (problem.kind !== 'module') return ''
  return createHash('sha256')
    .update(await readFile(resolve(folder, problem.path)))
    .digest('hex')
}

/**
 * The manifest of a bench. It has no blobs, and a chunk is what one process measures.
 * @throws {ArgumentError} for a problem, strategies or solvers that cannot be measured.
 */
export const prepareBench = async (
  specification: StudySpecification,
  { folder, version }: { readonly folder: string; readonly version: string },
): Promise<Manifest> => {
  const { repeats: runs } = benchOf(specification)
  const variants = benchVariants(specification)
  const [first] = variants
  if (first === undefined) throw new ArgumentError('the bench has no cell')
  const problem = await loadCellProblem(specification, first, folder)
  checkNames(specification, problem)
  variants.forEach(({ strategy }) => strategyOf(strategy))
  const identity = [studyIdentity(specification), version, await moduleHash(specification, folder)]
  return {
    format: 'onestep study',
    version: 1,
    id: createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 16),
    onestep: version,
    specification,
    variants,
    columns: benchColumns(specification),
    thetas: runs,
    rows: variants.length * specification.repeats * runs,
    chunkRows: runs,
    blobs: [],
  }
}
