// The flaws of the published code.
import { flaws } from '../flaws/finding.js'
import type { Flaw } from '../flaws/finding.js'
import type { ReferenceResult } from '../reference.js'
import type { Exhibit } from './exhibit.js'
import { ridgeData } from './ridge.js'

const explained: Readonly<Record<Flaw, string>> = {
  crossDerivative:
    'The inner gradient Aᵀ diag(θ) (A x − y) + α x has the θ-Jacobian Aᵀ diag(A x − y); the published code has diag(x) (A ∘ A)ᵀ, and takes it at x(k+1) where the recursion has x(k). Estimate and truth share it, which hides it.',
  lineSearch:
    'The slope of the objective along the Newton direction d is gᵀd < 0; the published code takes −gᵀd. The curvature condition can then not be met, the bisection spends all of its 50 evaluations and ends at the full step but for 4.4 · 10⁻¹⁶. The iterates are those of pure Newton, the cost is not.',
  start:
    'What is not positive after the first linear solve is moved: s by the margin of s, z by that of z. The published code moves z by the margin of s. On its random data z is positive all the same; with wider constraints it is not, and the method breaks down (NaN).',
  stopTest:
    'The loop ends when the right-hand side of the corrector is below 10⁻¹⁰, whatever the residual of the optimality conditions and whatever the units of the data. On the published data that is soon enough.',
  label:
    'No flaw of code: the differentiated part of the curve starts at iteration 4000 of 5001. The true one-step derivative of gradient descent is nearly useless at this κ, as the theory says.',
}

export const referenceExhibits = (result: ReferenceResult): readonly Exhibit[] =>
  (Object.keys(flaws) as Flaw[]).map((flaw) => ({
    heading: flaws[flaw],
    text: [
      explained[flaw],
      ...(flaw === 'crossDerivative' || flaw === 'label' ? [ridgeData(result)] : []),
    ].join('\n\n'),
    table: {
      columns: ['measured', 'right', 'published'],
      rows: result.findings
        .filter((finding) => finding.flaw === flaw)
        .map(({ quantity, right, published }) => [quantity, right, published]),
      digits: 3,
    },
  }))
