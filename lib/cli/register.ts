// How a command comes into the command line: its file says its name, arguments and help, and what it does.
import type { Command } from 'commander'

/** Adds a command to the command line; `finish` is told its exit code. */
export type Register = (program: Command, finish: (code: number) => void) => void
