// The problem of commands that trace one function: check, explain.
import { checkProblem } from '../problems/problem.js'
import type { Problem } from '../problems/problem.js'
import { loadModule } from '../study/problem/module.js'

/**
 * The problem that a module exports by default.
 * @throws {DataError} when the file is missing or cannot be loaded.
 */
export const loadProblem = async (file: string): Promise<Problem> =>
  checkProblem(await loadModule(file), file)
