import { pino } from 'pino'
import { createApp } from '../app.js'
import type { Parts } from '../parts.js'

/** The OpenAPI document as openapi/openapi.json keeps it: the routes are registered, nothing is started. */
export async function openapiDocument (): Promise<string> {
  const app = createApp({} as Parts, pino({ level: 'silent' }))
  await app.ready()
  return JSON.stringify(app.swagger(), null, 2) + '\n'
}
