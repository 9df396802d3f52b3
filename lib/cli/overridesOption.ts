// The option -s of commands that read a study file.
import { Option } from 'commander'

/** -s key=value, once for each change: what follows it is an argument again. */
export const overridesOption = (): Option =>
  new Option(
    '-s, --set <key=value>',
    'change the file: seed=3, space.lambda.count=50; can be repeated',
  ).argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
