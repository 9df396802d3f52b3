// Sample inputs for every op, in the manner of an "op info" table: the generic tests loop over it, and an op without an
// entry fails. A new op is tested by its rows here and nothing else.
import type { Table } from './sample.js'
import { controlTable } from './table/control.js'
import { elementwiseTable } from './table/elementwise.js'
import { linalgTable } from './table/linalg.js'
import { movementTable } from './table/movement.js'

export const table: Table = { ...elementwiseTable, ...movementTable, ...linalgTable, ...controlTable }
