// What a command prints for programs.

/** JSON, indented. It has no NaN, ±Infinity and −0: they are strings of that name. Typed arrays are lists. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, x: unknown) => {
      if (x instanceof Float64Array) return Array.from(x)
      if (typeof x !== 'number' || (Number.isFinite(x) && !Object.is(x, -0))) return x
      return Object.is(x, -0) ? '-0' : String(x)
    },
    2,
  )
