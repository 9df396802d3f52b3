// The θ-instances of a run of a bench: those of the space, from the first on and over again; parameters without an axis start from the
// example of the problem, each entry spread by a tenth of itself, so that instances differ:   v (1 + z/10),  or z/10 where v is 0
import { ShapeError } from '../../base/errors.js'
import { NDArray, array } from '../../base/ndarray.js'
import type { ArrayInput } from '../../base/ndarray.js'
import { stream } from '../../base/random.js'
import { formatShape, sameShape, sizeOf } from '../../base/shape.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import { thetaBlock, thetaCount } from '../space/space.js'
import type { StudySpecification } from '../specification/specification.js'

/** How far entries are spread, relative to themselves. */
const spread = 0.1

const around = (example: NDArray, batch: number, seed: number, name: string): NDArray => {
  const { size, shape } = example
  const data = stream(seed, `bench ${name}`)
    .normals(batch * size)
    .map((z, at) => {
      const v = example.data[at % size] as number
      return v === 0 ? spread * z : v * (1 + spread * z)
    })
  return new NDArray([batch, ...shape], data)
}

const repeated = (rows: NDArray, batch: number): NDArray => {
  const [given = 0, ...shape] = rows.shape
  const size = sizeOf(shape)
  return new NDArray(
    [batch, ...shape],
    new Float64Array(batch * size).map((_, at) => rows.data[at % (given * size)] as number),
  )
}

/**
 * θ of `batch` instances: an array [batch, …shape] for each parameter of the problem.
 * @throws {ShapeError} where an axis has another shape than the parameter.
 */
export const thetaBatch = (
  { theta }: StudyProblem,
  { space, seed }: StudySpecification,
  { batch, repeat }: { readonly batch: number; readonly repeat: number },
): Readonly<Record<string, NDArray>> => {
  const axes = Object.keys(space.axes)
  const hi = Math.min(batch, thetaCount(space))
  const drawn = axes.length === 0 ? {} : thetaBlock(space, { seed, repeat, lo: 0, hi })
  return Object.fromEntries(
    Object.entries<ArrayInput>(theta).map(([name, example]) => {
      const own = array(example)
      const rows = drawn[name]
      if (rows === undefined) return [name, around(own, batch, seed + repeat, name)]
      if (!sameShape(rows.shape.slice(1), own.shape)) {
        throw new ShapeError(`space: the parameter "${name}" has another shape at this size`, {
          expected: formatShape(own.shape),
          received: formatShape(rows.shape.slice(1)),
          remedy: 'Leave the axis out: θ is then spread around the start of the problem',
        })
      }
      return [name, repeated(rows, batch)]
    }),
  )
}
