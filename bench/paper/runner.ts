// Where the experiments compute: single instances of programs that differ from each other, many of them under way at a time.
import type { Compiled, NDArray, Numbers, Pool, Returned } from '../../lib/index.js'

/** Computes one instance, and resolves to its value. */
export type Runner = <A extends readonly unknown[], R>(
  f: Compiled<A, R>,
  ...args: { readonly [K in keyof A]: Numbers<A[K]> }
) => Promise<Returned<R, number | NDArray>>

/** In this thread, at once. */
export const inProcess: Runner = async (f, ...args) => Promise.resolve(f(...args).value)

/** On whatever thread is free, by the program of a direct call: one lane. */
export const onPool =
  (pool: Pool): Runner =>
  async (f, ...args) => {
    for await (const { value } of pool.each(f, [args], { lanes: 1 })) return value
    throw new Error('the pool gave no result')
  }
