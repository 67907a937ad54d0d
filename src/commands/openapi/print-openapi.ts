import { openapiDocument } from './openapi-document.js'
import { refuseArguments } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'

export const usage = `Usage: stopgate openapi

Prints the OpenAPI document of the HTTP API as JSON.

Example:
  stopgate openapi > openapi.json
`

/** `stopgate openapi`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  refuseArguments('openapi', args)
  await writeAll(stdout, await openapiDocument())
}
