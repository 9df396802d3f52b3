// onestep plan: what a study would compute, and what that would cost here. Writes nothing but to a temporary folder.
import { chunkSeconds, measureStudy, traceStudy } from '../study/start.js'
import type { TracedStudy } from '../study/start.js'
import { describeSpace } from '../study/space/space.js'
import { textTable } from '../study/table.js'
import { sizeOf } from '../base/shape.js'
import { overridesOption } from './overridesOption.js'
import type { Register } from './register.js'
import { counted, threadsOf } from './studyRun.js'

interface PlanOptions {
  readonly set?: readonly string[]
  readonly threads?: string
  readonly json?: true
}

/** "48 s", "3 min", "2.5 h". */
const duration = (seconds: number): string =>
  seconds < 100
    ? `${seconds.toPrecision(2)} s`
    : seconds < 6000
      ? `${(seconds / 60).toFixed(0)} min`
      : `${(seconds / 3600).toFixed(1)} h`

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toPrecision(3)} MiB`

/** A bench is not tried: that is what it is for. */
const benchPlan = ({ manifest, dir }: TracedStudy, json: boolean): string => {
  const { specification, variants, rows } = manifest
  const cells = variants.map(({ name }) => name)
  const { name, kind, repeats } = specification
  if (json) return `${JSON.stringify({ name, kind, dir, id: manifest.id, cells, repeats, rows })}\n`
  const what = `${name}: ${String(rows)} measured runs of ${String(cells.length)} cells, each in ${String(repeats)} processes of its own, into ${dir}`
  return `${[what, ...cells.map((cell) => `  ${cell}`)].join('\n')}\n`
}

const planCommand = async (file: string, { set = [], threads, json }: PlanOptions): Promise<number> => {
  const count = threadsOf(threads)
  const study = await traceStudy(file, { overrides: set })
  if (study.manifest.specification.kind === 'bench') {
    process.stdout.write(benchPlan(study, json === true))
    return 0
  }
  const probe = await measureStudy(study, { threads: count, chunk: chunkSeconds.local })
  const { manifest } = study
  const { specification, variants, thetas, rows, columns } = manifest
  const chunks = variants.length * Math.ceil((specification.repeats * thetas) / probe.chunkRows)
  const rowBytes = columns.reduce(
    (sum, { kind, shape }) => sum + (kind === 'code' ? 1 : 8 * sizeOf(shape)),
    0,
  )
  const plan = {
    ...{ name: specification.name, kind: specification.kind, dir: study.dir, id: manifest.id },
    ...{ thetas, repeats: specification.repeats, variants: variants.map(({ name }) => name), rows },
    ...{ chunks, chunkRows: probe.chunkRows, threads: count, seconds: probe.seconds },
    ...{ secondsPerRow: probe.secondsPerRow, memoryBytes: probe.memoryBytes, diskBytes: rows * rowBytes },
    columns: columns.map(({ name }) => name),
  }
  if (json === true) {
    process.stdout.write(`${JSON.stringify(plan)}\n`)
    return 0
  }
  const lines = [
    `${plan.name}: ${counted(rows, 'row')} = ${counted(variants.length, 'variant')} × ${counted(specification.repeats, 'repeat')} × ${String(thetas)} θ`,
    `  ${counted(chunks, 'chunk')} of ${counted(probe.chunkRows, 'row')}, into ${study.dir}`,
    `  about ${duration(probe.seconds)} on ${counted(count, 'thread')} here, ${mebibytes(probe.memoryBytes)} of memory, ${mebibytes(plan.diskBytes)} of disk without lists`,
    `  columns: ${plan.columns.join(', ')}`,
    '',
    textTable({
      columns: ['axis', 'shape', 'kind', 'values', 'points', 'where'],
      rows: describeSpace(specification.space).map((axis) => [
        ...[axis.axis, axis.shape, axis.kind, axis.range, axis.count, axis.condition],
      ]),
    }),
    '',
    textTable({
      columns: ['variant', 'ms a row'],
      rows: variants.map(({ name }, k) => [name, ((probe.secondsPerRow[k] ?? NaN) * 1000).toPrecision(3)]),
    }),
    '',
    `Next: onestep run ${[file, ...set.map((change) => `-s ${JSON.stringify(change)}`)].join(' ')}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** Adds the command. */
export const registerPlan: Register = (program, finish) => {
  program
    .command('plan')
    .description('what a study would compute: rows, chunks, and the time and memory that a few rows predict')
    .argument('<file>', 'a study file; see docs/studies.md')
    .addOption(overridesOption())
    .option('--threads <count>', 'threads; default one for each core')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 failed; 2 wrong use or a bad study file.

Example:
  onestep plan study.yaml -s samples=1000000`,
    )
    .action(async (file: string, options: PlanOptions) => {
      finish(await planCommand(file, options))
    })
}
