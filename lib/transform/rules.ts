// The algebra of simplify, one table entry an op. A rule sees the operands and may look at what produced them; it
// returns a cheaper Tensor, or undefined. Rules save orders of magnitude, not ulps:
//   an outer product is never formed to be multiplied away,      A (u vᵀ) → (A u) vᵀ,   Σⱼ (X ∘ u vᵀ)ᵢⱼ → u ∘ (X v)
//   small factors are multiplied before large ones,              (X ∘ d) ∘ e → X ∘ (d ∘ e),   X ∘ d + X ∘ e → X ∘ (d + e)
//   a product with the identity is never carried out,            I B → B
//   a product of the form Xᵀ diag(d) X is a weighted Gram matrix.
import { broadcastShapes, sameShape, sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import type { NDArray } from '../base/ndarray.js'
import type { Node } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { apply1, tensor } from '../ir/trace.js'
import { add, div, elementwiseOps, mul, neg, reciprocal, sqrt, square, sub } from '../ops/elementwise.js'
import { gram, matmul, matmulOp } from '../ops/linalg.js'
import { broadcast, matrixTranspose, reshape, transpose } from '../ops/movement.js'
import { sum } from '../ops/reduce.js'

/** What a rule may ask about the graph that is being built. */
export interface Producers {
  producer(t: Tensor): Node | undefined
  input(node: Node, i: number): Tensor
}

type Rule = (inputs: readonly Tensor[], attributes: object, graph: Producers) => Tensor | undefined

const size = (t: Tensor): number => sizeOf(t.shape)

const madeBy = (graph: Producers, t: Tensor, name: string): Node | undefined => {
  const node = graph.producer(t)
  return node?.op.name === name ? node : undefined
}

/** The number that a constant of one element holds. */
const numberOf = (graph: Producers, t: Tensor): number | undefined => {
  const node = graph.producer(t)
  if (node?.op.name === 'constant' && size(t) === 1)
    return (node.attributes as { array: NDArray }).array.data[0]
  if (node?.op.name === 'broadcast' || node?.op.name === 'reshape')
    return numberOf(graph, graph.input(node, 0))
  return undefined
}

const swapsLastTwo = (permutation: readonly number[]): boolean => {
  const r = permutation.length
  return r >= 2 && permutation.every((axis, i) => axis === (i === r - 1 ? r - 2 : i === r - 2 ? r - 1 : i))
}

/** X where t = transpose of the last two axes of X. */
const transposed = (graph: Producers, t: Tensor): Tensor | undefined => {
  const node = madeBy(graph, t, 'transpose')
  return node !== undefined &&
    swapsLastTwo((node.attributes as { permutation: readonly number[] }).permutation)
    ? graph.input(node, 0)
    : undefined
}

/** A product big ∘ small, where `small` has fewer elements; −1 and 1/x are small factors, too. */
const factors = (
  graph: Producers,
  t: Tensor,
): { readonly big: Tensor; readonly small: Tensor } | undefined => {
  const node = graph.producer(t)
  if (node === undefined) return undefined
  const a = node.inputs.length > 0 ? graph.input(node, 0) : undefined
  const b = node.inputs.length > 1 ? graph.input(node, 1) : undefined
  const splits = (big: Tensor, small: Tensor): boolean =>
    sameShape(big.shape, t.shape) && size(small) < size(big)
  if (node.op.name === 'neg' && a !== undefined && size(a) > 1) return { big: a, small: tensor(-1) }
  if (node.op.name === 'mul' && a !== undefined && b !== undefined) {
    if (splits(a, b)) return { big: a, small: b }
    if (splits(b, a)) return { big: b, small: a }
  }
  if (node.op.name === 'div' && a !== undefined && b !== undefined && splits(a, b))
    return { big: a, small: reciprocal(b) }
  return undefined
}

const smaller = (a: Tensor, b: Tensor, than: number): boolean =>
  sizeOf(broadcastShapes(a.shape, b.shape)) < than

/** (X ∘ d) ∘ e → X ∘ (d ∘ e) where d ∘ e is smaller than X. */
const gatherSmall = (graph: Producers, big: Tensor, e: Tensor): Tensor | undefined => {
  if (size(e) >= size(big)) return undefined
  const inner = factors(graph, big)
  return inner !== undefined && smaller(inner.small, e, size(big))
    ? mul(inner.big, mul(inner.small, e))
    : undefined
}

/** Operands that were stretched to a shape that the result has anyway are taken unstretched. */
const unstretch = (inputs: readonly Tensor[], graph: Producers): readonly Tensor[] | undefined => {
  const shape = broadcastShapes(...inputs.map((t) => t.shape))
  let changed = false
  const list = [...inputs]
  list.forEach((t, i) => {
    const node = madeBy(graph, t, 'broadcast')
    if (node === undefined) return
    const source = graph.input(node, 0)
    const others = list.map((other, j) => (j === i ? source.shape : other.shape))
    if (!sameShape(broadcastShapes(...others), shape)) return
    list[i] = source
    changed = true
  })
  return changed ? list : undefined
}

/** Ops on constants of one element. Transcendental functions are left to the kernels, whose bits they must have. */
const fold: Readonly<Record<string, (x: number, y: number, z: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: (x) => -x,
  square: (x) => x * x,
  reciprocal: (x) => 1 / x,
  sqrt: (x) => Math.sqrt(x),
  less: (x, y) => Number(x < y),
  lessEqual: (x, y) => Number(x <= y),
  greater: (x, y) => Number(x > y),
  greaterEqual: (x, y) => Number(x >= y),
  equal: (x, y) => Number(x === y),
  notEqual: (x, y) => Number(x !== y),
  logicalAnd: (x, y) => Number(x !== 0 && y !== 0),
  logicalOr: (x, y) => Number(x !== 0 || y !== 0),
  logicalNot: (x) => Number(x === 0),
  isFinite: (x) => Number(Number.isFinite(x)),
  where: (c, x, y) => (c !== 0 ? x : y),
}

/** Constants are folded, and every elementwise op drops stretches that broadcasting makes anyway. */
const elementwise =
  (name: string, more?: Rule): Rule =>
  (inputs, attributes, graph) => {
    const folder = fold[name]
    if (folder !== undefined) {
      const [x, y, z] = inputs.map((t) => numberOf(graph, t))
      const known = [x, y, z].slice(0, inputs.length)
      if (known.every((a) => a !== undefined))
        return stretched(tensor(folder(x ?? 0, y ?? 0, z ?? 0)), inputs)
    }
    const special = more?.(inputs, attributes, graph)
    if (special !== undefined) return special
    const plain = unstretch(inputs, graph)
    return plain === undefined ? undefined : apply1(elementwiseOps.get(name) as never, plain, attributes)
  }

/** X ∘ d ± X ∘ e → X ∘ (d ± e) where d ± e is smaller than X. */
const factorOut = (
  graph: Producers,
  a: Tensor,
  b: Tensor,
  join: (x: Tensor, y: Tensor) => Tensor,
): Tensor | undefined => {
  const [f, g] = [factors(graph, a), factors(graph, b)]
  if (f === undefined || g === undefined || f.big.value !== g.big.value) return undefined
  return smaller(f.small, g.small, size(f.big)) ? mul(f.big, join(f.small, g.small)) : undefined
}

const stretched = (t: Tensor, inputs: readonly Tensor[]): Tensor =>
  broadcast(t, broadcastShapes(...inputs.map((x) => x.shape)))

const isNumber = (graph: Producers, t: Tensor, x: number): boolean => Object.is(numberOf(graph, t), x)

const mulRule: Rule = (inputs, _, graph) => {
  const [a, b] = inputs as [Tensor, Tensor]
  if (isNumber(graph, a, 1)) return stretched(b, inputs)
  if (isNumber(graph, b, 1)) return stretched(a, inputs)
  if (isNumber(graph, a, -1)) return stretched(neg(b), inputs)
  if (isNumber(graph, b, -1)) return stretched(neg(a), inputs)
  return (
    gatherSmall(graph, a, b) ?? gatherSmall(graph, b, a) ?? intoOuter(graph, a, b) ?? intoOuter(graph, b, a)
  )
}

interface Product {
  readonly a: Tensor
  readonly b: Tensor
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly rows: number
  readonly inner: number
  readonly columns: number
}

type Flags = Pick<Product, 'transposeA' | 'transposeB'>

const last = (shape: Shape, back: number): number => shape[shape.length - back] as number

const describe = (a: Tensor, b: Tensor, { transposeA, transposeB }: Flags): Product => ({
  a,
  b,
  transposeA,
  transposeB,
  rows: last(a.shape, transposeA ? 1 : 2),
  inner: last(a.shape, transposeA ? 2 : 1),
  columns: last(b.shape, transposeB ? 2 : 1),
})

/** t as a product of two matrices without batch axes. */
const productOf = (graph: Producers, t: Tensor): Product | undefined => {
  const node = madeBy(graph, t, 'matmul')
  if (node === undefined || t.rank !== 2) return undefined
  const [a, b] = [graph.input(node, 0), graph.input(node, 1)]
  return a.rank === 2 && b.rank === 2 ? describe(a, b, node.attributes as Flags) : undefined
}

/** u, v where t = u vᵀ, as vectors. */
const outerOf = (graph: Producers, t: Tensor): readonly [Tensor, Tensor] | undefined => {
  const p = productOf(graph, t)
  return p?.inner === 1 ? [reshape(p.a, [-1]), reshape(p.b, [-1])] : undefined
}

const oriented = (t: Tensor, flip: boolean): Tensor => (flip ? matrixTranspose(t) : t)
const left = (p: Product): Tensor => oriented(p.a, p.transposeA)
const right = (p: Product): Tensor => oriented(p.b, p.transposeB)

/** s · (A B) → (s A) B for a scalar s, where A is the smaller and the product is larger than both: see pullScalar. */
const intoOuter = (graph: Producers, t: Tensor, s: Tensor): Tensor | undefined => {
  if (size(s) !== 1) return undefined
  const p = productOf(graph, t)
  if (p === undefined || 2 * size(p.a) >= size(t) || size(p.b) >= size(t)) return undefined
  return matmul(mul(left(p), reshape(s, [])), right(p))
}

const flops = (rows: number, inner: number, columns: number): number => 2 * rows * inner * columns

/** A (P Q) → (A P) Q, and (P Q) B → P (Q B), where that at least halves the work. */
const reassociate = (graph: Producers, p: Product): Tensor | undefined => {
  const whole = flops(p.rows, p.inner, p.columns)
  if (whole === 0) return undefined
  const onRight = p.transposeB ? flipped(productOf(graph, p.b)) : productOf(graph, p.b)
  if (onRight !== undefined) {
    const split = flops(p.rows, p.inner, onRight.inner) + flops(p.rows, onRight.inner, p.columns)
    if (2 * split <= whole) return matmul(matmul(left(p), left(onRight)), right(onRight))
  }
  const onLeft = p.transposeA ? flipped(productOf(graph, p.a)) : productOf(graph, p.a)
  if (onLeft !== undefined) {
    const split = flops(onLeft.inner, p.inner, p.columns) + flops(p.rows, onLeft.inner, p.columns)
    if (2 * split <= whole) return matmul(left(onLeft), matmul(right(onLeft), right(p)))
  }
  return undefined
}

/** (A B)ᵀ = Bᵀ Aᵀ */
const flipped = (p: Product | undefined): Product | undefined =>
  p && describe(p.b, p.a, { transposeA: !p.transposeB, transposeB: !p.transposeA })

/** A (U + V) → A U + A V where U and V are outer products. */
const distribute = (graph: Producers, p: Product): Tensor | undefined => {
  const node = madeBy(graph, p.b, 'add')
  if (node === undefined || p.columns < 4) return undefined
  const [u, v] = [graph.input(node, 0), graph.input(node, 1)]
  if (outerOf(graph, u) === undefined || outerOf(graph, v) === undefined) return undefined
  return add(matmul(left(p), oriented(u, p.transposeB)), matmul(left(p), oriented(v, p.transposeB)))
}

/** Scalars leave an operand of a product whose result is no larger than its larger operand: products then meet as common ones. */
const pullScalar = (graph: Producers, p: Product): Tensor | undefined => {
  for (const side of ['a', 'b'] as const) {
    const f = factors(graph, p[side])
    if (f === undefined || size(f.small) !== 1 || p.rows * p.columns > Math.max(size(p.a), size(p.b)))
      continue
    const inner = { ...p, [side]: f.big }
    return mul(matmul(left(inner), right(inner)), reshape(f.small, []))
  }
  return undefined
}

/** Row weights w where t = diag(w) X, or one number where t = w X, given X as [n, p]; `t` and X may both be transposed. */
const rowWeights = (graph: Producers, t: Tensor, flip: boolean, x: Tensor): Tensor | undefined => {
  const n = x.shape[0] as number
  const f = factors(graph, t)
  if (f === undefined) return undefined
  const base = flip ? (transposed(graph, f.big) ?? undefined) : f.big
  if (base?.value !== x.value) return undefined
  const shape = [...new Array<number>(2 - f.small.rank).fill(1), ...f.small.shape]
  const [along, across] = flip ? [shape[1], shape[0]] : [shape[0], shape[1]]
  if (across !== 1 || f.small.rank > 2) return undefined
  return along === n ? reshape(f.small, [n]) : along === 1 ? reshape(f.small, []) : undefined
}

/** Xᵀ diag(w) X, whichever side carries the weights. */
const gramOf = (graph: Producers, p: Product): Tensor | undefined => {
  if (p.rows !== p.columns || p.rows < 2) return undefined
  // op(A) = Xᵀ: either A = X with the flag, or A = Xᵀ as a transpose node (which the matmul rule folds before).
  const tryWith = (x: Tensor, plain: boolean, other: Tensor, otherFlip: boolean): Tensor | undefined => {
    if (!plain) return undefined
    const plainGram = (): Tensor => gram(x, broadcast(1, [x.shape[0] as number]))
    if (!otherFlip && other.value === x.value) return plainGram()
    const w = rowWeights(graph, other, otherFlip, x)
    // One weight for all rows: Xᵀ (s X) = s XᵀX, so that a Gram matrix of constants stays one.
    return w === undefined ? undefined : w.rank === 0 ? mul(plainGram(), w) : gram(x, w)
  }
  return tryWith(p.a, p.transposeA, p.b, p.transposeB) ?? tryWith(p.b, !p.transposeB, p.a, !p.transposeA)
}

const matmulRule: Rule = ([a, b], attributes, graph) => {
  const flags = attributes as Flags
  const [x, y] = [a as Tensor, b as Tensor]
  const [ta, tb] = [transposed(graph, x), transposed(graph, y)]
  if (ta !== undefined || tb !== undefined) {
    const p = {
      transposeA: flags.transposeA !== (ta !== undefined),
      transposeB: flags.transposeB !== (tb !== undefined),
    }
    return apply1(matmulOp, [ta ?? x, tb ?? y], p)
  }
  if (madeBy(graph, x, 'eye') !== undefined) return oriented(y, flags.transposeB)
  if (madeBy(graph, y, 'eye') !== undefined) return oriented(x, flags.transposeA)
  if (x.rank !== 2 || y.rank !== 2) return undefined
  const p = describe(x, y, flags)
  return gramOf(graph, p) ?? reassociate(graph, p) ?? distribute(graph, p) ?? pullScalar(graph, p)
}

const sumRule: Rule = ([x], attributes, graph) => {
  const { axes } = attributes as { readonly axes: readonly number[] }
  const t = x as Tensor
  if (axes.every((axis) => t.shape[axis] === 1))
    return reshape(
      t,
      t.shape.filter((_, i) => !axes.includes(i)),
    )
  const node = madeBy(graph, t, 'mul')
  if (node === undefined || t.rank !== 2) return undefined
  for (const [i, j] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const [m, o] = [graph.input(node, i), outerOf(graph, graph.input(node, j))]
    if (o === undefined || !sameShape(m.shape, t.shape)) continue
    const [u, v] = o
    if (axes.length === 2) return sum(mul(u, matmul(m, v)))
    return axes[0] === 1 ? mul(u, matmul(m, v)) : mul(matmul(u, m), v)
  }
  return undefined
}

const transposeRule: Rule = ([x], attributes, graph) => {
  const { permutation } = attributes as { readonly permutation: readonly number[] }
  const t = x as Tensor
  const node = graph.producer(t)
  if (node?.op.name === 'transpose') {
    const inner = (node.attributes as { readonly permutation: readonly number[] }).permutation
    return transpose(
      graph.input(node, 0),
      permutation.map((axis) => inner[axis] as number),
    )
  }
  const moved = permutation.filter((axis) => t.shape[axis] !== 1)
  if (moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))) {
    return reshape(
      t,
      permutation.map((axis) => t.shape[axis] as number),
    )
  }
  if (!swapsLastTwo(permutation)) return undefined
  if (node?.op.name === 'gram' || node?.op.name === 'eye') return t
  const o = outerOf(graph, t)
  return o === undefined ? undefined : matmul(reshape(o[1], [-1, 1]), reshape(o[0], [1, -1]))
}

const reshapeRule: Rule = ([x], attributes, graph) => {
  const { shape } = attributes as { readonly shape: Shape }
  const node = graph.producer(x as Tensor)
  if (node?.op.name === 'reshape') return reshape(graph.input(node, 0), shape)
  if (node?.op.name === 'broadcast') {
    const source = graph.input(node, 0)
    if (size(source) === 1) return broadcast(reshape(source, []), shape)
  }
  return undefined
}

const broadcastRule: Rule = ([x], attributes, graph) => {
  const node = madeBy(graph, x as Tensor, 'broadcast')
  return node && broadcast(graph.input(node, 0), (attributes as { readonly shape: Shape }).shape)
}

const powRule: Rule = (inputs, _, graph) => {
  const [x, y] = inputs as [Tensor, Tensor]
  if (size(y) !== 1) return undefined
  switch (numberOf(graph, y)) {
    case 1:
      return stretched(x, inputs)
    case 2:
      return stretched(square(x), inputs)
    case 3:
      return stretched(mul(square(x), x), inputs)
    case 0.5:
      return stretched(sqrt(x), inputs)
    case -1:
      return stretched(reciprocal(x), inputs)
    default:
      return undefined
  }
}

const special: Readonly<Record<string, Rule>> = {
  mul: mulRule,
  pow: powRule,
  add: (inputs, _, graph) => {
    const [a, b] = inputs as [Tensor, Tensor]
    return isNumber(graph, a, 0)
      ? stretched(b, inputs)
      : isNumber(graph, b, 0)
        ? stretched(a, inputs)
        : factorOut(graph, a, b, add)
  },
  sub: (inputs, _, graph) => {
    const [a, b] = inputs as [Tensor, Tensor]
    return isNumber(graph, b, 0) ? stretched(a, inputs) : factorOut(graph, a, b, sub)
  },
  div: (inputs, _, graph) => {
    const [a, b] = inputs as [Tensor, Tensor]
    if (isNumber(graph, b, 1)) return stretched(a, inputs)
    const f = factors(graph, a)
    return f !== undefined &&
      sameShape(a.shape, broadcastShapes(a.shape, b.shape)) &&
      smaller(f.small, b, size(a))
      ? mul(f.big, div(f.small, b))
      : undefined
  },
  where: (inputs, _, graph) => {
    const c = numberOf(graph, inputs[0] as Tensor)
    return c === undefined ? undefined : stretched(inputs[c !== 0 ? 1 : 2] as Tensor, inputs)
  },
  neg: ([x], _, graph) => {
    const node = madeBy(graph, x as Tensor, 'neg')
    if (node !== undefined) return graph.input(node, 0)
    const f = factors(graph, x as Tensor)
    return f !== undefined ? mul(f.big, neg(f.small)) : intoOuter(graph, x as Tensor, tensor(-1))
  },
}

/** Rules by op name. */
export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...[...elementwiseOps.keys()].map((name) => [name, elementwise(name, special[name])] as const),
  ['matmul', matmulRule],
  ['sum', sumRule],
  ['transpose', transposeRule],
  ['reshape', reshapeRule],
  ['broadcast', broadcastRule],
])
