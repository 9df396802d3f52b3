// Status = message = remedy, in one table. The position in a list is the number that native code writes, and a
// larger number is worse, so that several solves of one instance are summed up by the maximum. Imports nothing.

interface StatusEntry {
  readonly name: string
  readonly message: string
  readonly remedy: string
}

const entry = <N extends string>(
  name: N,
  message: string,
  remedy: string,
): StatusEntry & { readonly name: N } => ({
  name,
  message,
  remedy,
})

/** How the solve of one instance ended. */
export const statuses = [
  entry('converged', 'the error fell below the tolerance', ''),
  entry('maxSteps', 'the step limit was reached first', 'Raise maxSteps, loosen tol, or use a faster solver'),
  entry(
    'diverged',
    'the error or the iterate grew beyond the divergence limit',
    'Reduce the step size or start closer',
  ),
  entry(
    'nonFinite',
    'a NaN or an infinity appeared',
    'Check θ and the data of this instance, and the step size',
  ),
  entry('singular', 'a matrix could not be factorized', 'Add regularisation or another start'),
  entry('infeasible', 'the constraints admit no point', 'Check the constraints of this instance'),
  entry('unbounded', 'the objective has no lower bound', 'Check the objective of this instance'),
  entry(
    'aborted',
    'the job was cancelled or timed out before this instance ended',
    'Run this instance again',
  ),
  entry('crashed', 'the thread or process that held this instance died twice', 'Run this instance alone'),
] as const

/** What the gradient of one instance is worth. */
export const gradientStatuses = [
  entry('ok', 'the strategy was carried out as asked', ''),
  entry(
    'notConverged',
    'the adjoint solve stopped early',
    'Raise its maxSteps, or use a direct linear solver',
  ),
  entry(
    'singular',
    'the linear system of the derivative is singular',
    'Use unrolled or oneStep, or regularise',
  ),
  entry('toleranceNotMet', 'no strategy met the tolerance', 'Loosen tol or raise the budget'),
  entry(
    'undefined',
    'the derivative is zero by construction, or does not exist',
    'θ enters through x0 only, or not at all: use unrolled, or let F depend on θ',
  ),
  entry('skipped', 'the solve failed, so no gradient was computed', 'See the status of this instance'),
] as const

export type Status = (typeof statuses)[number]['name']
export type GradientStatus = (typeof gradientStatuses)[number]['name']

const codes = <N extends string>(table: readonly { readonly name: N }[]): Readonly<Record<N, number>> =>
  Object.fromEntries(table.map(({ name }, code) => [name, code])) as Record<N, number>

/** The number of each status. */
export const statusCode = codes<Status>(statuses)
/** The number of each gradient status. */
export const gradientStatusCode = codes<GradientStatus>(gradientStatuses)

/** How the strategy auto and certificates solve the adjoint equation: by the solver's own factor, LU, conjugate gradients, GMRES. */
export const adjointMethods = ['factor', 'lu', 'cg', 'gmres'] as const
export type AdjointMethod = (typeof adjointMethods)[number]
