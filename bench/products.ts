// Threads that multiply matrices and share nothing: what a second processor of this machine is worth while a bench runs.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { compile, matmul, ones } from '../lib/index.js'
import type { Tensor, timing } from '../lib/index.js'

/** The order of the matrices: three of them, 1.5 MB, stay in the caches of a processor. */
const order = 256

/** The same number of products as one contestant on the first thread, and as another on both. */
export interface Products {
  readonly one: timing.Contestant
  readonly two: timing.Contestant
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Starts two threads. */
export const startProducts = async (): Promise<Products> => {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)))
  const run = (index: number, products: number): Promise<void> => {
    const worker = workers[index] as Worker
    return new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', () => {
        worker.off('error', reject)
        resolve()
      })
      worker.postMessage(products)
    })
  }
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now()
    await work()
    return (performance.now() - start) / 1000
  }
  await Promise.all([run(0, 1), run(1, 1)])
  return {
    one: (calls) => timed(() => run(0, 2 * calls)),
    two: (calls) => timed(() => Promise.all([run(0, calls), run(1, calls)])),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const [a, b] = [ones([order, order]), ones([order, order])]
  const multiply = compile((x: Tensor, y: Tensor) => matmul(x, y))
  port.on('message', (products: number) => {
    for (let i = 0; i < products; i++) multiply(a, b)
    port.postMessage(products)
  })
}
