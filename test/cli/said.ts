// What a command says when it runs within the test: quicker than a process of its own.

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command that speaks by console.log and console.error. */
export const said = async (command: () => Promise<number>): Promise<Said> => {
  const { log, error } = console
  const [out, err]: [string[], string[]] = [[], []]
  console.log = (...parts: readonly unknown[]) => out.push(parts.join(' '))
  console.error = (...parts: readonly unknown[]) => err.push(parts.join(' '))
  try {
    const code = await command()
    return {
      code,
      out: out.map((line) => `${line}\n`).join(''),
      err: err.map((line) => `${line}\n`).join(''),
    }
  } finally {
    Object.assign(console, { log, error })
  }
}
