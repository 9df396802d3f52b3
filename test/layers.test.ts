// The house keeps its own rules, and the checker sees every kind of breach.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../lib/runtime/diagnosis.js'
import { violations, type LongFiles } from './layers/rules.js'

/** Each file over 500 lines, and why it is one file. */
const longFiles: LongFiles = {}

const tree = (): Map<string, string> => {
  const root = packageRoot()
  const folders = ['lib', 'native', 'bench', 'examples', 'test', 'scripts']
  const present = readdirSync(root).filter((name) => folders.includes(name))
  return new Map(
    present.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(ts|mjs|h|cc)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [relative(root, path), readFileSync(path, 'utf8')] as const),
    ),
  )
}

test('the tree breaks no rule', async (t) => {
  const sources = tree()
  t.ok(sources.has('lib/runtime/native.ts') && sources.has('native/binding/addon.cc'), 'the tree was read')
  t.strictSame(violations(sources, longFiles), [])
})

const lines = (n: number): string => 'x\n'.repeat(n)

/** Planted breaches: the files, and the violations that they must give, word for word. */
const planted: readonly (readonly [string, Record<string, string>, readonly string[]])[] = [
  ['downwards is fine', { 'lib/ir/a.ts': `import '../base/b.js'`, 'lib/base/b.ts': '' }, []],
  ['the same floor is fine', { 'lib/ir/a.ts': `import './b.js'`, 'lib/ir/b.ts': '' }, []],
  [
    'upwards',
    { 'lib/base/a.ts': `import { b } from '../ir/b.js'`, 'lib/ir/b.ts': '' },
    ['lib/base/a.ts: imports upwards, lib/ir/b.ts'],
  ],
  [
    'upwards, a type only',
    { 'lib/ops/a.ts': `import type { B } from '../transform/b.js'`, 'lib/transform/b.ts': '' },
    ['lib/ops/a.ts: imports upwards, lib/transform/b.ts'],
  ],
  [
    'upwards, by export and by a dynamic import',
    {
      'lib/ir/a.ts': `export * from '../ops/b.js'\nexport const c = () => import('../cli/c.js')`,
      'lib/ops/b.ts': '',
      'lib/cli/c.ts': '',
    },
    ['lib/ir/a.ts: imports upwards, lib/ops/b.ts', 'lib/ir/a.ts: imports upwards, lib/cli/c.ts'],
  ],
  ['words in a comment are no import', { 'lib/base/a.ts': `// import '../ir/b.js'` }, []],
  [
    'a strategy that knows a solver',
    { 'lib/differentiation/a.ts': `import '../solvers/b.js'`, 'lib/solvers/b.ts': '' },
    ['lib/differentiation/a.ts: imports upwards, lib/solvers/b.ts'],
  ],
  [
    'mathematics that imports the machine',
    { 'lib/bilevel/a.ts': `import '../program/b.js'`, 'lib/program/b.ts': '' },
    ['lib/bilevel/a.ts: imports across the wings, lib/program/b.ts'],
  ],
  [
    'a machine that imports mathematics',
    { 'lib/pool/a.ts': `import '../solvers/b.js'`, 'lib/solvers/b.ts': '' },
    ['lib/pool/a.ts: imports across the wings, lib/solvers/b.ts'],
  ],
  [
    'the wings meet on top',
    {
      'lib/index.ts': `import './pool/a.js'\nimport './bilevel/b.js'`,
      'lib/pool/a.ts': '',
      'lib/bilevel/b.ts': '',
    },
    [],
  ],
  [
    'index imported from below',
    { 'lib/study/a.ts': `import '../index.js'`, 'lib/index.ts': '' },
    ['lib/study/a.ts: imports upwards, lib/index.ts'],
  ],
  [
    'lib that imports a test',
    { 'lib/cli/a.ts': `import '../../test/b.js'`, 'test/b.ts': '' },
    ['lib/cli/a.ts: imports upwards, test/b.ts'],
  ],
  [
    'a folder that is no floor',
    { 'lib/magic/a.ts': '' },
    ['lib/magic/a.ts: lib/magic is no floor of the design'],
  ],
  [
    'an import of nothing',
    { 'lib/ir/a.ts': `import './gone.js'` },
    ['lib/ir/a.ts: imports lib/ir/gone.ts, which does not exist'],
  ],
  [
    'a cycle of three files',
    { 'lib/ir/a.ts': `import './b.js'`, 'lib/ir/b.ts': `import './c.js'`, 'lib/ir/c.ts': `import './a.js'` },
    ['lib/ir/a.ts: a cycle of imports, lib/ir/a.ts, lib/ir/b.ts, lib/ir/c.ts'],
  ],
  [
    'a cycle of types alone is gone when the program runs',
    {
      'lib/ir/a.ts': `import type {\n  B,\n} from './b.js'`,
      'lib/ir/b.ts': `import { type A, a } from './a.js'\nexport type { C } from './c.js'`,
      'lib/ir/c.ts': `import './b.js'`,
    },
    [],
  ],
  [
    'a file that imports itself',
    { 'lib/ir/a.ts': `import './a.js'` },
    ['lib/ir/a.ts: a cycle of imports, lib/ir/a.ts'],
  ],
  [
    'a bench that reaches into lib',
    {
      'bench/a.ts': `import '../lib/ir/b.js'\nimport '../lib/index.js'`,
      'lib/ir/b.ts': '',
      'lib/index.ts': '',
    },
    ['bench/a.ts: imports lib/ir/b.ts, which is no declared internal'],
  ],
  [
    'a second file that knows the addon',
    { 'lib/pool/a.ts': `const path = 'build/Release/onestep.node'` },
    ['lib/pool/a.ts: knows the addon'],
  ],
  [`Node's own modules are no addon`, { 'lib/pool/a.ts': `import 'node:fs' // x.node'` }, []],
  [
    'Node-API outside binding/',
    { 'native/executor/a.cc': '#include <napi.h>\n', 'native/kernels/b.h': 'napi_value f();\n' },
    ['native/executor/a.cc: uses Node-API', 'native/kernels/b.h: uses Node-API'],
  ],
  ['Node-API inside binding/', { 'native/binding/a.cc': '#include <napi.h>\nNapi::Value f();\n' }, []],
  [
    'BLAS declared a second time',
    { 'native/kernels/a.cc': 'extern "C" void dgemm_();\n', 'native/kernels/b.cc': '#include <cblas.h>\n' },
    ['native/kernels/a.cc: declares C or Fortran names', 'native/kernels/b.cc: includes a BLAS header'],
  ],
  [
    'BLAS through its one header',
    {
      'native/base/blas.h': 'extern "C" { void dgemm_(); }\n',
      'native/kernels/a.cc': '#include "base/blas.h"\nvoid f() { dgemm_(); }\n',
    },
    [],
  ],
  [
    'a kernel that knows the executor',
    { 'native/kernels/a.cc': '#include "executor/b.h"\n', 'native/executor/b.h': '' },
    ['native/kernels/a.cc: imports upwards, native/executor/b.h'],
  ],
  [
    'an include beside the file, and a cycle of headers',
    { 'native/base/a.h': '#include "b.h"\n', 'native/base/b.h': '#include "base/a.h"\n' },
    ['native/base/a.h: a cycle of imports, native/base/a.h, native/base/b.h'],
  ],
  [
    'a long file',
    { 'lib/ops/a.ts': lines(501), 'native/kernels/b.h': lines(500) },
    ['lib/ops/a.ts: 501 lines, more than 500 without a reason'],
  ],
  [
    'names that say nothing',
    {
      'lib/ops/utils.ts': '',
      'native/base/common/a.h': '',
      'test/helpers.ts': '',
      'lib/ops/commonSubexpression.ts': '',
    },
    [
      'lib/ops/utils.ts: a name that says nothing',
      'native/base/common/a.h: a name that says nothing',
      'test/helpers.ts: a name that says nothing',
    ],
  ],
]

for (const [name, files, expected] of planted) {
  test(`planted: ${name}`, async (t) => {
    t.strictSame(violations(new Map(Object.entries(files))), expected)
  })
}

test('a long file needs a reason, and a reason needs a long file', async (t) => {
  const files = new Map([
    ['lib/ops/a.ts', lines(501)],
    ['lib/ops/b.ts', lines(10)],
  ])
  t.strictSame(violations(files, { 'lib/ops/a.ts': 'one table' }), [])
  t.strictSame(violations(files, { 'lib/ops/a.ts': '' }), [
    'lib/ops/a.ts: 501 lines, more than 500 without a reason',
  ])
  t.strictSame(violations(files, { 'lib/ops/a.ts': 'one table', 'lib/ops/b.ts': 'was long' }), [
    'lib/ops/b.ts: listed as long, but is not',
  ])
})
