// The figures that the experiments are held against: those of the paper's published code, and an independent computation in
// float64 NumPy by the same formulas where the code published none.
import type { Formula } from './weightedRidge.js'

/** Newton on weighted logistic regression: norms of gradients and differences, and costs relative to the forward solve. */
export const publishedNewtonRows: Readonly<
  Record<
    number,
    {
      /** Seconds, mean over five instances. */
      forward: number
      gradNorm: number
      osMinusId: number
      adMinusId: number
      implicit: number
      oneStep: number
      unrolled: number
    }
  >
> = {
  50: {
    forward: 1.021,
    gradNorm: 88,
    osMinusId: 8.95e-14,
    adMinusId: 5.4e-14,
    implicit: 1.069,
    oneStep: 1.036,
    unrolled: 2.314,
  },
  106: {
    forward: 1.08,
    gradNorm: 145,
    osMinusId: 2.69e-13,
    adMinusId: 2.2e-13,
    implicit: 1.048,
    oneStep: 1.031,
    unrolled: 2.278,
  },
  224: {
    forward: 1.195,
    gradNorm: 232,
    osMinusId: 4.01e-13,
    adMinusId: 4.1e-13,
    implicit: 1.034,
    oneStep: 1.018,
    unrolled: 2.263,
  },
  473: {
    forward: 1.562,
    gradNorm: 303,
    osMinusId: 8.83e-13,
    adMinusId: 7.3e-13,
    implicit: 1.08,
    oneStep: 1.01,
    unrolled: 2.016,
  },
  1000: {
    forward: 4.031,
    gradNorm: 490,
    osMinusId: 1.5e-12,
    adMinusId: 1.2e-12,
    implicit: 1.172,
    oneStep: 1.04,
    unrolled: 1.861,
  },
}

/** Relative errors by iteration k at p = 106, as in `ConvergenceRow`. */
export const publishedConvergence: Readonly<
  Record<number, readonly [e: number, os: number, two: number, ad: number, id: number, a: number]>
> = {
  4: [7.4e-1, 2.3e-1, 1.8e-1, 2.0e-1, 5.6e-2, 0.66],
  5: [1.5e-1, 5.7e-2, 2.6e-2, 2.0e-2, 4.0e-3, 0.17],
  6: [7.7e-3, 3.7e-3, 4.9e-4, 1.4e-4, 1.9e-5, 1.1e-2],
  7: [2.7e-5, 1.7e-5, 1.5e-7, 5.2e-9, 3.8e-10, 4.8e-5],
  8: [4.7e-10, 3.3e-10, 1.3e-14, 4e-15, 2.5e-15, 9.5e-10],
}

export type StepName = '1/L' | '2/(mu+L)'

/** One figure of the ridge experiment on cpusmall. */
export interface PublishedRidge {
  readonly kappa: 1001 | 101
  readonly step: StepName
  readonly formula: Formula
  readonly estimator: string
  readonly iteration: number
  readonly relativeError: number
}

type Problem = readonly [PublishedRidge['kappa'], StepName, Formula]
const figures = (
  [kappa, step, formula]: Problem,
  list: Readonly<Record<string, Readonly<Record<number, number>>>>,
): PublishedRidge[] =>
  Object.entries(list).flatMap(([estimator, at]) =>
    Object.entries(at).map(([iteration, relativeError]) => ({
      ...{ kappa, step, formula, estimator, iteration: Number(iteration), relativeError },
    })),
  )

/** ‖J − J*‖ / ‖J*‖ by estimator and iteration; 'iterate' stands for ‖x − x*‖ / ‖x*‖. Figures below 10⁻¹² are rounding and left out. */
export const publishedRidge: readonly PublishedRidge[] = [
  ...figures([1001, '1/L', 'correct'], {
    iterate: { 1000: 0.0569, 2000: 0.0209, 3000: 0.00766, 4000: 0.00281, 5000: 0.00103 },
    unrolled: { 1000: 5.86e-2, 5000: 1.06e-3 },
    implicit: { 5000: 9.6e-6 },
    'truncated-1': { 5000: 0.984 },
    'truncated-10': { 5000: 0.89 },
    'truncated-100': { 5000: 0.439 },
    'truncated-500': { 5000: 0.098 },
    'truncated-1000': { 5000: 0.0586 },
    'truncated-2000': { 5000: 0.0215 },
    'truncated-3000': { 5000: 0.0079 },
    'truncated-4000': { 5000: 0.0029 },
    'truncated-5000': { 5000: 0.00106 },
    'neumann-500': { 5000: 0.098 },
    'neumann-1000': { 5000: 0.0586 },
    'neumann-2000': { 5000: 0.0215 },
    'neumann-3000': { 5000: 0.0079 },
    'neumann-4000': { 5000: 0.0029 },
    'neumann-5000': { 5000: 0.00106 },
  }),
  ...figures([1001, '2/(mu+L)', 'correct'], {
    iterate: { 1000: 0.134, 2000: 0.0181, 3000: 2.46e-3, 4000: 3.34e-4, 5000: 4.52e-5 },
    unrolled: { 1000: 118, 2000: 32, 3000: 6.5, 4000: 1.18, 5000: 0.199 },
    implicit: { 5000: 1.97e-4 },
    'truncated-1': { 5000: 0.976 },
    'truncated-10': { 5000: 0.81 },
    'truncated-100': { 5000: 0.239 },
    'truncated-500': { 5000: 0.0654 },
    'truncated-1000': { 5000: 0.043 },
    'truncated-2000': { 5000: 0.0793 },
    'truncated-3000': { 5000: 0.12 },
    'truncated-4000': { 5000: 0.16 },
    'truncated-5000': { 5000: 0.199 },
    'neumann-500': { 5000: 0.0657 },
    'neumann-1000': { 5000: 0.0242 },
    'neumann-2000': { 5000: 0.00329 },
    'neumann-3000': { 5000: 5e-4 },
    'neumann-4000': { 5000: 2.1e-4 },
    'neumann-5000': { 5000: 1.98e-4 },
  }),
  ...figures([101, '1/L', 'correct'], {
    iterate: { 1000: 7.62e-7, 2000: 3.63e-11 },
    unrolled: { 1000: 1.49e-6 },
    'truncated-1000': { 5000: 1.45e-6 },
  }),
  ...figures([101, '2/(mu+L)', 'correct'], {
    iterate: { 1000: 2.5e-9 },
    unrolled: { 1000: 4.2e-6 },
    'truncated-1000': { 5000: 3.9e-10 },
  }),
  ...figures([1001, '1/L', 'reference'], {
    unrolled: { 1000: 0.161, 5000: 2.95e-3 },
    'truncated-1000': { 5000: 0.161 },
    implicit: { 5000: 5.6e-6 },
  }),
  ...figures([1001, '2/(mu+L)', 'reference'], {
    unrolled: { 1000: 59.9, 5000: 0.101 },
    'truncated-1000': { 5000: 0.0777 },
    implicit: { 5000: 4.5e-5 },
  }),
  ...figures([101, '1/L', 'reference'], {
    unrolled: { 1000: 3.0e-6 },
    'truncated-1000': { 5000: 3.0e-6 },
  }),
  ...figures([101, '2/(mu+L)', 'reference'], {
    unrolled: { 1000: 1.6e-6 },
    'truncated-1000': { 5000: 8.0e-10 },
  }),
]

/** The interior point on random quadratic programs, by n: differences of gradients, and costs relative to the forward solve. */
export const publishedQpRows: Readonly<
  Record<
    number,
    {
      forward: number
      osMinusId: number
      adMinusId: number
      implicit: number
      oneStep: number
      unrolled: number
    }
  >
> = {
  100: {
    forward: 0.349,
    osMinusId: 3.85e-6,
    adMinusId: 8e-16,
    implicit: 1.055,
    oneStep: 1.168,
    unrolled: 4.467,
  },
  178: {
    forward: 0.444,
    osMinusId: 1.76e-6,
    adMinusId: 8e-16,
    implicit: 1.161,
    oneStep: 1.255,
    unrolled: 4.874,
  },
  316: {
    forward: 0.639,
    osMinusId: 1.89e-6,
    adMinusId: 2e-15,
    implicit: 0.981,
    oneStep: 1.129,
    unrolled: 3.521,
  },
  562: {
    forward: 1.607,
    osMinusId: 1.49e-6,
    adMinusId: 1e-15,
    implicit: 0.996,
    oneStep: 1.039,
    unrolled: 2.441,
  },
  1000: {
    forward: 6.433,
    osMinusId: 1.21e-6,
    adMinusId: 2e-14,
    implicit: 1.039,
    oneStep: 1.068,
    unrolled: 1.74,
  },
}
