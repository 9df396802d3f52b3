// The package's install script: says in one block what is missing, or builds the addon.
import { addon } from './build.mjs'
import { advice, inspect } from './machine.mjs'

if (!addon.fresh()) {
  const missing = inspect().filter(({ ok }) => !ok)
  if (missing.length > 0) {
    console.error(advice(missing))
    process.exit(1)
  }
  addon.build()
}
