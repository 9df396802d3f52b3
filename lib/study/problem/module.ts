// Loads a module of the user and gives what it exports by default, TypeScript included: problem modules of commands and studies, and
// study files that are modules. Loading a module runs it: only files that the user names are loaded, and workers load none.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DataError, OnestepError } from '../../base/errors.js'

/** Whether a path names a file that tsx has to translate. */
const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path)

let registered: Promise<unknown> | undefined

/** Lets Node import TypeScript. Registered, not imported through tsx: the module must see this very copy of onestep. */
const acceptTypeScript = (): Promise<unknown> =>
  (registered ??= import('tsx/esm/api').then(({ register }) => register()))

export interface ModuleOptions {
  /** What relative paths are relative to; default: the current folder. */
  readonly folder?: string
  /** What the module should export, for messages; default 'a problem'. */
  readonly what?: string
}

/**
 * The default export of a module; undefined where it has none.
 * @throws {DataError} when the file is missing or cannot be loaded; an error of onestep that the module throws comes out as it is.
 */
export const loadModule = async (file: string, options: ModuleOptions = {}): Promise<unknown> => {
  const { folder = '.', what = 'a problem' } = options
  const path = resolve(folder, file)
  if (!existsSync(path)) {
    throw new DataError(`${file}: no such file`, { remedy: `Name a module that exports ${what} by default` })
  }
  let loaded: { readonly default?: unknown }
  try {
    if (isTypeScript(path)) await acceptTypeScript()
    loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (cause) {
    if (cause instanceof OnestepError) throw cause
    throw new DataError(
      `${file}: the module cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      { remedy: 'Run it alone to see the whole error', cause },
    )
  }
  // A TypeScript module that is loaded as CommonJS has its exports one level down.
  const exported = loaded.default
  return typeof exported === 'object' && exported !== null && 'default' in exported
    ? exported.default
    : exported
}
