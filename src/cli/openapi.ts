import { pino } from 'pino'
import { createApp } from '../app/app.js'
import type { Services } from '../../routes/services.js'
import { refuseArguments } from './command-line/flags.js'
import { writeAll, type CommandIo } from './command-line/command-io.js'

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

/** The OpenAPI document, as committed in openapi/openapi.json. It registers the routes but starts nothing. */
export async function openapiDocument (): Promise<string> {
  const app = createApp({} as Services, pino({ level: 'silent' }))
  await app.ready()
  return JSON.stringify(app.swagger(), null, 2) + '\n'
}
