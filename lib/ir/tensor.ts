// Tensor: a symbolic array inside a trace. Its method forms are declared beside the ops, by declaration merging.
import type { Shape } from '../base/shape.js'
import type { Value } from './graph.js'
import type { Trace } from './trace.js'

/** A symbolic array: a value of the graph that is being traced. It lives as long as its trace. */
export class Tensor {
  readonly shape: Shape
  /** The value in the graph of `trace`. */
  readonly value: Value
  readonly trace: Trace

  constructor(trace: Trace, value: Value) {
    this.trace = trace
    this.value = value
    this.shape = value.shape
  }

  get rank(): number {
    return this.shape.length
  }
}

export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor

/** Gives every Tensor the method forms of functions whose first operand is the Tensor. */
export const defineMethods = (
  functions: Readonly<Record<string, (...operands: never[]) => unknown>>,
): void => {
  for (const [name, fn] of Object.entries(functions)) {
    Object.defineProperty(Tensor.prototype, name, {
      value: function (this: Tensor, ...rest: unknown[]) {
        return (fn as (...operands: unknown[]) => unknown)(this, ...rest)
      },
    })
  }
}
