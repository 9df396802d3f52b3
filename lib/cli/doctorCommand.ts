// onestep doctor: what decides whether onestep runs here, and how fast.
import { doctor } from '../runtime/doctor.js'
import type { DoctorReport } from '../runtime/doctor.js'
import { textTable } from '../study/table.js'
import type { Register } from './register.js'

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

const text = (report: DoctorReport): string => {
  const facts = [
    ['onestep', report.version],
    ['node', report.node],
    ['platform', report.platform],
    ['processor', `${report.processor}, ${String(report.cores)} cores`],
    ['memory', gibibytes(report.memory)],
    ['addon', report.addon],
    ...(report.native === null
      ? []
      : [
          ['BLAS', `${report.native.blas.config.trim()}, ${String(report.native.blas.threads)} thread`],
          ['SIMD', report.native.simd],
          [
            'residuals',
            `Cholesky ${report.native.choleskyResidual.toFixed(2)}, LU ${report.native.luResidual.toFixed(2)} (below 30)`,
          ],
        ]),
  ]
  const table = textTable({
    columns: ['check', '', 'found'],
    rows: report.checks.map(({ name, ok, value }) => [name, ok ? 'ok' : 'FAILED', value]),
  })
  const remedies = report.checks
    .filter(({ ok, remedy }) => !ok && remedy !== undefined)
    .map(({ name, remedy }) => `${name}: ${remedy as string}`)
  const verdict = report.ok ? 'onestep can compute here.' : 'onestep cannot compute here yet.'
  const lines = facts.map(([name, value]) => `${(name as string).padEnd(11)}${value as string}`)
  return [...lines, '', table.trimEnd(), '', ...remedies.flatMap((remedy) => [remedy, '']), verdict].join(
    '\n',
  )
}

/** Prints the report; the exit code is 0 when onestep can compute here, else 1. */
const doctorCommand = (options: { readonly json?: boolean }): number => {
  const report = doctor()
  console.log(options.json === true ? JSON.stringify(report, null, 2) : text(report))
  return report.ok ? 0 : 1
}

/** Adds the command. */
export const registerDoctor: Register = (program, finish) => {
  program
    .command('doctor')
    .description('what is installed, BLAS, SIMD, threads, and the residual of a reference factorization')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 onestep can compute here; 1 it cannot; 2 wrong use.\n\nExample:\n  onestep doctor --json',
    )
    .action((options: { readonly json?: boolean }) => {
      finish(doctorCommand(options))
    })
}
