import { vectorsText } from '../../decisions/vectors.js'
import { refuseArguments } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'

export const usage = `Usage: stopgate vectors

Prints what a worker that decides by itself (GET /v1/bundle) can test itself against, as JSON.
`

/** `stopgate vectors`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  refuseArguments('vectors', args)
  await writeAll(stdout, vectorsText())
}
