// How the descent of one instance ended: name, message and remedy in one table. The position in the list is the number in a
// checkpoint.

const entry = <N extends string>(name: N, message: string, remedy: string) => ({ name, message, remedy })

/** How the descent of one instance ended. */
export const descentStatuses = [
  entry(
    'running',
    'the run was ended before this instance was',
    'Go on from the state of the descent: resume',
  ),
  entry('converged', 'the norm of the hypergradient and its estimated error are below tol together', ''),
  entry(
    'maxSteps',
    'the limit of outer steps was reached first',
    'Raise maxSteps, loosen tol, or use L-BFGS',
  ),
  entry(
    'inaccurate',
    'the estimated error of the hypergradient is too large a share of its norm, at the tightest inner tolerance, too',
    'Use implicit() as the strategy, raise the inner maxSteps, or loosen tol; certificate: false goes on without judging',
  ),
  entry(
    'noDescent',
    'no step length lowered the outer objective, at the tightest inner tolerance, too',
    'Loosen tol, or use a fixed step size',
  ),
  entry('innerFailed', 'the inner problem was not solved', 'See the inner status of this instance'),
  entry('gradientFailed', 'the hypergradient was not computed', 'See the gradient status of this instance'),
  entry(
    'nonFinite',
    'the outer objective, its gradient or θ is not finite',
    'Reduce the step size, or bound θ by a domain',
  ),
] as const

export type DescentStatus = (typeof descentStatuses)[number]['name']

/** The number of each status. */
export const descentCode = Object.fromEntries(
  descentStatuses.map(({ name }, code) => [name, code]),
) as Record<DescentStatus, number>
