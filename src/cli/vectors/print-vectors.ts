import { vectorsText } from './vectors.js'
import { refuseArguments } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'

export const usage = `Usage: stopgate vectors

Prints test vectors as JSON: inputs and expected results for clients that decide locally with the bundle (GET /v1/bundle).

Example:
  stopgate vectors > vectors.json
`

/** `stopgate vectors`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  refuseArguments('vectors', args)
  await writeAll(stdout, vectorsText())
}
