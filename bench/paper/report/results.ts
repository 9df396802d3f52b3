// The results of all experiments.
import type { BeyondReport } from '../beyondReport.js'
import type { BilevelResult } from '../bilevelReport.js'
import type { BoundsResult } from '../boundsReport.js'
import type { NewtonResult } from '../newtonReport.js'
import type { QpResult } from '../qpReport.js'
import type { ReferenceResult } from '../reference.js'
import type { RidgeResult } from '../ridgeReport.js'

export interface PaperResults {
  readonly newton: NewtonResult
  readonly qp: QpResult
  readonly ridge: RidgeResult
  readonly bounds: BoundsResult
  readonly bilevel: BilevelResult
  readonly beyond: BeyondReport
  /** Present where the flaws of the published code were asked for. */
  readonly reference?: ReferenceResult
}
