// One measurement of a flaw in the published code: the right formula beside the published one.

export const flaws = {
  crossDerivative: 'Ridge: another cross derivative, and one step late',
  lineSearch: 'Newton: the slope of the line search has the wrong sign',
  start: 'Interior point: the start of z is moved by the margin of s',
  stopTest: 'Interior point: the stop test knows the corrector alone, and no scale',
  label: 'Ridge: the curve “1-step” is a derivative of 1000 steps (a label, no flaw of code)',
} as const
export type Flaw = keyof typeof flaws

export interface Finding {
  readonly flaw: Flaw
  /** What is measured. */
  readonly quantity: string
  readonly right: number
  /** NaN where the published code breaks down. */
  readonly published: number
  /** Where it is an error: what the right formula stays below and the published one does not. */
  readonly bar?: number
}

/** (f(h) − f(−h)) / 2h */
export const centralDifference = (f: (h: number) => ArrayLike<number>, h: number): Float64Array => {
  const [up, down] = [f(h), f(-h)]
  return Float64Array.from(up, (value, i) => (value - (down[i] as number)) / (2 * h))
}

/** θ + h d */
export const moved = (theta: Float64Array, direction: Float64Array, h: number): Float64Array =>
  theta.map((value, i) => value + h * (direction[i] as number))
