// The rules of the house as a function of its files: floors, cycles, names that only one file may say,
// sizes, file names. Pure: paths and texts in, violations out.
import { posix } from 'node:path'
import ts from 'typescript'

/** Path from the package root → text. */
export type Sources = ReadonlyMap<string, string>

/** Files over 500 lines, each with its reason. */
export type LongFiles = Readonly<Record<string, string>>

/** Higher numbers may import lower ones, never the other way. */
type Floors = Readonly<Record<string, number>>

const mathematics: Floors = { differentiation: 5, solvers: 6, bilevel: 7 }
const machine: Floors = { program: 5, runtime: 6, pool: 7 }
const libFloors: Floors = {
  ...{ base: 0, ir: 1, ops: 2, transform: 3, control: 4 },
  ...mathematics,
  ...machine,
  ...{ data: 8, problems: 9, study: 10, cluster: 11, 'index.ts': 12, cli: 13 },
}
const nativeFloors: Floors = { base: 0, kernels: 1, program: 2, executor: 3, binding: 4, tests: 5, bench: 5 }

/** What of lib/ those outside may import beside index.ts; test/ mirrors lib/ and may import all of it. */
const internals: Readonly<Record<string, readonly string[]>> = {
  bench: ['lib/runtime/native.ts', 'lib/runtime/doctor.ts'],
  examples: [],
}

const maxLines = 500
const onlyLoader = 'lib/runtime/native.ts'
const onlyBlas = 'native/base/blas.h'

/** The floor that a file stands on: its folder under lib/ or native/, or its own name there. */
const floorOf = (path: string): string => path.split('/')[1] ?? ''
const inside = (folder: string, path: string): boolean => path.startsWith(`${folder}/`)

/** `text` without its type-only imports, which are gone when the program runs. */
const withoutTypes = (text: string): string =>
  text.replace(/^\s*(import|export)\s+type\b[^'"]*from\s*['"][^'"]+['"]/gm, '')

/** Files of this repository that the TypeScript file at `path` imports. */
const typeScriptImports = (path: string, text: string): readonly string[] =>
  ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts'))

/** Files of native/ that the C++ file at `path` includes; the include path is native/. */
const nativeIncludes = (sources: Sources, path: string, text: string): readonly string[] =>
  [...text.matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)].map(([, name = '']) => {
    const beside = posix.join(posix.dirname(path), name)
    return sources.has(beside) ? beside : posix.join('native', name)
  })

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')

type Edges = ReadonlyMap<string, readonly string[]>

/** Every import goes down a floor or stays on it, to a file that exists, and wings keep apart. */
const checkFloors = (edges: Edges, sources: Sources, top: string, floors: Floors): readonly string[] =>
  [...edges].flatMap(([path, targets]) => {
    const own = floors[floorOf(path)]
    if (own === undefined) return [`${path}: ${top}/${floorOf(path)} is no floor of the design`]
    return targets.flatMap((target) => {
      if (!sources.has(target)) return [`${path}: imports ${target}, which does not exist`]
      const other = inside(top, target) ? floors[floorOf(target)] : undefined
      if (other === undefined || other > own) return [`${path}: imports upwards, ${target}`]
      const pair = [floorOf(path), floorOf(target)]
      const crosses = top === 'lib' && pair.some((f) => f in mathematics) && pair.some((f) => f in machine)
      return crosses ? [`${path}: imports across the wings, ${target}`] : []
    })
  })

/** One violation for each set of files that reach one another. */
const checkCycles = (edges: Edges): readonly string[] => {
  const reach = (from: string): ReadonlySet<string> => {
    const seen = new Set<string>()
    const open = [from]
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const next = (edges.get(path) ?? []).filter((target) => !seen.has(target))
      for (const target of next) seen.add(target)
      open.push(...next)
    }
    return seen
  }
  const reached = new Map([...edges.keys()].map((path) => [path, reach(path)]))
  return [...reached].flatMap(([path, seen]) => {
    const circle = [...seen].filter((other) => reached.get(other)?.has(path) === true).sort()
    return circle[0] === path ? [`${path}: a cycle of imports, ${circle.join(', ')}`] : []
  })
}

/** bench/ and examples/ see the package as a user does, but for declared internals. */
const checkOutside = (sources: Sources): readonly string[] =>
  Object.entries(internals).flatMap(([folder, allowed]) =>
    [...sources]
      .filter(([path]) => inside(folder, path) && path.endsWith('.ts'))
      .flatMap(([path, text]) =>
        typeScriptImports(path, text)
          .filter((target) => inside('lib', target) && target !== 'lib/index.ts' && !allowed.includes(target))
          .map((target) => `${path}: imports ${target}, which is no declared internal`),
      ),
  )

/** Words that only some files may say. */
const checkWords = (sources: Sources): readonly string[] => {
  const rules: readonly [what: string, pattern: RegExp, where: RegExp, except: (path: string) => boolean][] =
    [
      [
        'knows the addon',
        /\.node(?=['"`])|\bprocess\.dlopen\b/,
        /^(lib|bench|examples)\//,
        (p) => p === onlyLoader,
      ],
      [
        'uses Node-API',
        /#\s*include\s*[<"](napi|node_api|js_native_api|node|uv|v8)\b|\bNapi::|\bnapi_/,
        /^native\//,
        (p) => inside('native/binding', p),
      ],
      ['declares C or Fortran names', /\bextern\s+"C"/, /^native\//, (p) => p === onlyBlas],
      ['includes a BLAS header', /#\s*include\s*[<"](\w*blas\w*|lapack\w*)\.h/, /^native\//, () => false],
    ]
  return [...sources].flatMap(([path, text]) =>
    rules
      .filter(([, pattern, where, except]) => {
        return where.test(path) && !except(path) && pattern.test(withoutComments(text))
      })
      .map(([what]) => `${path}: ${what}`),
  )
}

const checkSizes = (sources: Sources, long: LongFiles): readonly string[] => {
  const lines = (text: string): number => text.replace(/\n$/, '').split('\n').length
  const over = [...sources].filter(
    ([path, text]) => (inside('lib', path) || inside('native', path)) && lines(text) > maxLines,
  )
  return [
    ...over
      .filter(([path]) => (long[path] ?? '') === '')
      .map(([path, text]) => `${path}: ${lines(text)} lines, more than ${maxLines} without a reason`),
    ...Object.keys(long)
      .filter((path) => !over.some(([name]) => name === path))
      .map((path) => `${path}: listed as long, but is not`),
  ]
}

const checkNames = (sources: Sources): readonly string[] =>
  [...sources.keys()]
    .filter((path) => /(^|\/)(utils?|helpers?|misc|common)(\/|\.|$)/i.test(path))
    .map((path) => `${path}: a name that says nothing`)

/** Every breach of the rules in `sources`, each as "path: what". */
export const violations = (sources: Sources, long: LongFiles = {}): readonly string[] => {
  const select = (top: string, pattern: RegExp): readonly (readonly [string, string])[] =>
    [...sources].filter(([path]) => inside(top, path) && pattern.test(path))
  const lib: Edges = new Map(
    select('lib', /\.ts$/).map(([path, text]) => [path, typeScriptImports(path, text)]),
  )
  const values: Edges = new Map(
    select('lib', /\.ts$/).map(([path, text]) => [path, typeScriptImports(path, withoutTypes(text))]),
  )
  const native: Edges = new Map(
    select('native', /\.(h|cc)$/).map(([path, text]) => [path, nativeIncludes(sources, path, text)]),
  )
  return [
    ...checkFloors(lib, sources, 'lib', libFloors),
    ...checkFloors(native, sources, 'native', nativeFloors),
    ...checkCycles(values),
    ...checkCycles(native),
    ...checkOutside(sources),
    ...checkWords(sources),
    ...checkSizes(sources, long),
    ...checkNames(sources),
  ]
}
