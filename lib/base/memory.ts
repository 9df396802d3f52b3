// The one place where shared memory is made. V8 does not count SharedArrayBuffers as garbage pressure, so each
// allocation is reported to `pressure` (set by the runtime to Node-API's external memory counter) and taken back
// by a finalizer. Imports nothing.

/** Bytes that were made before anybody counted. */
let uncounted = 0
let pressure: (bytes: number) => void = (bytes) => {
  uncounted += bytes
}
const released = new FinalizationRegistry<number>((bytes) => {
  pressure(-bytes)
})

/** Installs the counter of external memory; called once by the runtime when the addon is loaded. */
export const setMemoryPressure = (report: (bytes: number) => void): void => {
  report(uncounted)
  uncounted = 0
  pressure = report
}

/** Counts memory that another thread made: this one holds it, too, until its own garbage collector has run. */
export const adopt = (buffer: ArrayBufferLike): void => {
  if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength === 0) return
  pressure(buffer.byteLength)
  released.register(buffer, buffer.byteLength)
}

/** Zero-filled bytes that every thread of the process can see. */
export const allocateBytes = (bytes: number): SharedArrayBuffer => {
  const buffer = new SharedArrayBuffer(bytes)
  if (bytes > 0) {
    pressure(bytes)
    released.register(buffer, bytes)
  }
  return buffer
}

/** A zero-filled vector of `length` doubles in shared memory. */
export const allocate = (length: number): Float64Array => new Float64Array(allocateBytes(8 * length))
