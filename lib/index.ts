// The public names of onestep.
import { descentBy } from './bilevel/descent.js'
import { localExecutor } from './runtime/executor.js'
export * from './base/errors.js'
export { NDArray, array, full, linspace, logspace, ones, zeros } from './base/ndarray.js'
export type { ArrayInput, ArrayLikeND, Nested } from './base/ndarray.js'
export type { Shape } from './base/shape.js'
export { adjointMethods, gradientStatusCode, gradientStatuses, statusCode, statuses } from './base/status.js'
export type { AdjointMethod, GradientStatus, Status } from './base/status.js'
export { stream } from './base/random.js'

export { Tensor } from './ir/tensor.js'
export { tensor } from './ir/trace.js'
export type { Operand, Operands } from './ir/trace.js'

export {
  abs,
  add,
  clip,
  cos,
  div,
  equal,
  exp,
  expm1,
  floor,
  greater,
  greaterEqual,
  isFinite,
  less,
  lessEqual,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  relu,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  stopGradient,
  sub,
  tanh,
  where,
} from './ops/elementwise.js'
export {
  broadcast,
  concat,
  diag,
  diagonal,
  eye,
  gather,
  matrixTranspose,
  pad,
  ravel,
  reshape,
  scatterAdd,
  slice,
  stack,
  transpose,
  tril,
  triu,
} from './ops/movement.js'
export {
  logsumexp,
  max,
  mean,
  meanSquaredError,
  min,
  norm1,
  norm2,
  normInf,
  prod,
  sum,
  sumSquares,
} from './ops/reduce.js'
export {
  cholesky,
  choleskyFactor,
  choleskySolve,
  dot,
  gram,
  logdet,
  luFactor,
  luSolve,
  matmul,
  outer,
  triangularSolve,
} from './ops/linalg.js'
export type { Factor } from './ops/linalg.js'

export { grad, hessian, hvp, jacobian, jvp, valueAndGrad, vjp, vmap } from './transform/derivatives.js'
export { cond } from './control/cond.js'
export { customDerivative } from './control/custom.js'
export { linearSolve } from './control/linearSolve.js'
export { scan } from './control/scan.js'
export { whileLoop } from './control/while.js'

export type { CertificateOptions, MapConstants } from './differentiation/certificate.js'
export { auto } from './differentiation/auto.js'
export type { AutoOptions } from './differentiation/auto.js'
export { implicit } from './differentiation/implicit.js'
export { neumann } from './differentiation/neumann.js'
export { oneStep } from './differentiation/oneStep.js'
export { phantom } from './differentiation/phantom.js'
export { solve } from './differentiation/solve.js'
export { truncated } from './differentiation/truncated.js'
export { unrolled } from './differentiation/unrolled.js'
export { attach, withDerivative } from './differentiation/withDerivative.js'
export type {
  AttachOptions,
  OptimalityCondition,
  WithDerivativeOptions,
} from './differentiation/withDerivative.js'
export { linearizeAt } from './differentiation/linearize.js'
export type { Linearization, Solved, Strategy, Trajectory, VectorMap } from './differentiation/strategy.js'
export type {
  AnySolver,
  LinearOperator,
  Solver,
  Stopping,
  StoppingOptions,
} from './differentiation/solver.js'

export { backtracking } from './solvers/backtracking.js'
export { fixedPoint } from './solvers/fixedPoint.js'
export { gradientDescent } from './solvers/gradientDescent.js'
export { interiorPoint, primalDualStart } from './solvers/interiorPoint.js'
export type { InteriorPointOptions } from './solvers/interiorPoint.js'
export type { PrimalDual, QuadraticProgram } from './solvers/kkt.js'
export { newton } from './solvers/newton.js'
export { projection } from './solvers/projection.js'
export { prox } from './solvers/prox.js'
export { proximalGradient } from './solvers/proximalGradient.js'
export type { ProximalGradientOptions } from './solvers/proximalGradient.js'

export { hypergradient } from './bilevel/hypergradient.js'
export type {
  Hypergradient,
  HypergradientOptions,
  HypergradientValue,
  InnerProblem,
  SeveralInner,
} from './bilevel/hypergradient.js'

export { checkpointText, readCheckpoint } from './bilevel/descentState.js'
export type { DescentHistory, DescentState } from './bilevel/descentState.js'
export { descentStatuses } from './bilevel/descentStatus.js'
export type { DescentStatus } from './bilevel/descentStatus.js'
export { domain } from './bilevel/domain.js'
export type { BoxOptions, Domain } from './bilevel/domain.js'
export { innerTolerance } from './bilevel/innerTolerance.js'
export type { InnerTolerance } from './bilevel/innerTolerance.js'
export { optimizer } from './bilevel/optimizer.js'
export type { AdamOptions, DescentRule, MomentumOptions } from './bilevel/optimizer.js'
export type { LbfgsOptions } from './bilevel/lbfgs.js'
export type { Optimizer, OuterPoint, OuterStep } from './bilevel/optimizer.js'
export { safeStepSize } from './bilevel/safeStepSize.js'
export type { OuterConstants } from './bilevel/safeStepSize.js'
/** Hypergradient descent, on this thread unless an executor is given. */
export const hypergradientDescent = descentBy(localExecutor)
export type {
  Descent,
  DescentOptions,
  DescentProgress,
  SeveralDescentOptions,
} from './bilevel/descentOptions.js'

export { shared, summed } from './base/executor.js'
export { jointProgress } from './base/jointProgress.js'
export type {
  Certificate,
  Executor,
  Progress,
  Results,
  RunOptions,
  RunRecord,
  Shared,
  Summed,
  SummedOptions,
} from './base/executor.js'
export { compile } from './runtime/compile.js'
export type { Batch, Compiled, CompileOptions, Numbers, Returned } from './runtime/compile.js'
export type { Result } from './runtime/results.js'
export { Pool } from './pool/pool.js'
export type {
  BatchOf,
  EachOptions,
  ItemOf,
  MapOptions,
  PoolOptions,
  PoolRunOptions,
  Traceable,
} from './pool/pool.js'
export type { JobMemory } from './runtime/sharedJob.js'
export { gradientStatusNames, statusNames } from './runtime/results.js'

export { defineProblem } from './problems/problem.js'
export type { Problem } from './problems/problem.js'
export type { Arrays, BilevelProblem, Exact } from './problems/bilevelProblem.js'
export { dataCleaning } from './problems/dataCleaning.js'
export type { DataCleaning, DataCleaningOptions } from './problems/dataCleaning.js'
export { equilibriumLayer } from './problems/equilibriumLayer.js'
export type { EquilibriumLayerOptions, LayerData, LayerParameters } from './problems/equilibriumLayer.js'
export { fewShotRidge } from './problems/fewShotRidge.js'
export type { FewShotData, FewShotRidgeOptions, Tasks } from './problems/fewShotRidge.js'
export type { LinearModelOptions } from './problems/linearModel.js'
export { logisticRegression, ridgeRegression } from './problems/regression.js'
export type { Samples, TrainingData } from './problems/samples.js'
export { elasticNet, lasso } from './problems/sparseRegression.js'
export type { ElasticNetOptions, LassoOptions } from './problems/sparseRegression.js'
export { syntheticClassification, syntheticRegression } from './problems/synthetic.js'
export type { ClassificationOptions, SyntheticOptions } from './problems/synthetic.js'
export type { Tuning } from './problems/tuning.js'
export { quadraticProgram } from './problems/quadratic/quadraticProgram.js'
export type { ProgramForm, ProgramVectors } from './problems/quadratic/quadraticProgram.js'
export { solveProgram } from './problems/quadratic/solvedProgram.js'
export type { SolvedProgram, SolveProgramOptions } from './problems/quadratic/solvedProgram.js'
export { readArff } from './data/arff.js'
export { readCsv } from './data/csv.js'
export { loadDigits, splitDigits } from './data/digits.js'
export { readLibsvm } from './data/libsvm.js'
export { parseQps, readQps } from './data/qps.js'
export type { QpsData, QpsOptions, SparseColumns } from './data/qps.js'
export { machine, machineLine } from './study/bench/machine.js'
export type { Machine } from './study/bench/machine.js'
/** Times measured side by side: `timing.sideBySide`, `timing.computing`, `timing.waiting`, `timing.ratio`. */
export * as timing from './study/bench/timing.js'
export { csvText } from './study/csv.js'
export { defineStudyProblem } from './study/problem/studyProblem.js'
export type {
  SolverChoice,
  StudyProblem,
  StudyProblemOptions,
  StudyProblemSource,
  Theta,
} from './study/problem/studyProblem.js'
export { checkGradient } from './study/gradientCheck/checkGradient.js'
export type {
  CheckGradientOptions,
  DirectionCheck,
  GradientCheck,
} from './study/gradientCheck/checkGradient.js'
export { formatGradientCheck } from './study/gradientCheck/format.js'
export type { DerivativeMode } from './study/gradientCheck/sampling.js'
export type { Doubt, ErrorShares, Verdict } from './study/gradientCheck/verdict.js'
export { groupedPanels, linePlot } from './study/plot.js'
export { progressReporter } from './study/progress.js'
export type { ProgressOptions, ProgressReporter, ShownProgress } from './study/progress.js'
export { htmlReport } from './study/report.js'
/** Of plain numbers: `statistics.median`, `statistics.bootstrapInterval`, … */
export * as statistics from './study/statistics.js'
export { textTable } from './study/table.js'
export { exportRun } from './study/export/exportRun.js'
export type { ExportOptions, ExportReport } from './study/export/exportRun.js'
export { compareRuns, hasRegression } from './study/page/comparison.js'
export type { Comparison, ComparedColumn, CompareOptions } from './study/page/comparison.js'
export { reportPage } from './study/page/page.js'
export { sourceOfRun } from './study/page/runSource.js'
export { studySummary } from './study/page/summary.js'
export type { StudySummary } from './study/page/summary.js'
export { StudyError } from './study/specification/fault.js'
export type { Fault } from './study/specification/fault.js'
export { computerOf, startStudy } from './study/start.js'
export type { StartOptions } from './study/start.js'
export { runStudy } from './study/run.js'
export type { ChunkComputer, RunStudyOptions, RunSummary, StudyProgress } from './study/run.js'
export { openRun } from './study/store/runDirectory.js'
export type { BlocksOptions, RunDirectory } from './study/store/runDirectory.js'
export type { Block, Column, ColumnData } from './study/store/block.js'
export type { Manifest, Variant } from './study/store/manifest.js'
