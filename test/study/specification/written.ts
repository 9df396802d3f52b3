// Study files in which one thing is wrong.

/** A name, the text, and each fault behind the name of the file. */
export type Malformed = readonly [name: string, text: string, faults: readonly string[]]

/** A study that is right; what is added to it stands on line 4. */
export const base = 'name: a\nproblem: ridge\nspace: { lambda: 1 }\n'

export const more = (lines: string): string => `${base}${lines}\n`

/** With this problem, on line 2. */
export const problem = (text: string): string => `name: a\nproblem: ${text}\nspace: { lambda: 1 }\n`

/** With these parameters, from line 4 on. */
export const space = (lines: string): string =>
  `name: a\nproblem: ridge\nspace:\n${lines.replaceAll(/^/gm, '  ')}\n`

/** With this descent, on line 5. */
export const descent = (text: string): string => more(`kind: descent\ndescent: ${text}`)
