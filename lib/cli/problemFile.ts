// Loads a problem module, TypeScript included. Loading a module runs it: only files that the user names are loaded.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DataError, OnestepError } from '../base/errors.js'
import { checkProblem } from '../problems/problem.js'
import type { Problem } from '../problems/problem.js'

const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path)

/**
 * The problem that a module exports by default.
 * @throws {DataError} when the file is missing or cannot be loaded.
 */
export const loadProblem = async (file: string): Promise<Problem> => {
  const path = resolve(file)
  if (!existsSync(path)) {
    throw new DataError(`${file}: no such file`, {
      remedy: 'Name a module that exports a problem by default',
    })
  }
  let loaded: { readonly default?: unknown }
  try {
    // Registered, not imported through tsx: the module must see this very copy of onestep.
    if (isTypeScript(path)) (await import('tsx/esm/api')).register()
    loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (cause) {
    if (cause instanceof OnestepError) throw cause
    throw new DataError(
      `${file}: the module cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        remedy: 'Run it alone to see the whole error',
        cause,
      },
    )
  }
  // A TypeScript module that is loaded as CommonJS has its exports one level down.
  const exported = loaded.default
  const inner =
    typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : exported
  return checkProblem(inner, file)
}
