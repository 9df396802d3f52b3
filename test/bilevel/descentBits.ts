// What a descent knows of one instance, as text: two of them are equal where all of their bits are.
import { toExactJson } from '../../lib/base/exactJson.js'
import { sizeOf } from '../../lib/base/shape.js'
import { checkpointText } from '../../lib/index.js'
import type { DescentState } from '../../lib/index.js'

export const bitsOf = ({ state }: { readonly state: DescentState }): string => checkpointText(state)

export const bitsOfInstance = ({ state }: { readonly state: DescentState }, i: number): string =>
  toExactJson({
    columns: Object.values(state.columns).map(({ shapes, data }) =>
      data.map((all, k) => all.slice(i * sizeOf(shapes[k] ?? []), (i + 1) * sizeOf(shapes[k] ?? []))),
    ),
    codes: [state.status, state.innerStatus, state.gradientStatus, state.steps, state.refinements].map(
      (list) => list[i] as number,
    ),
    history: state.history[i],
  })
