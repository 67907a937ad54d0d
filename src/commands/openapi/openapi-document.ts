import { pino } from 'pino'
import { createApp } from '../../app/app.js'
import type { Services } from '../../../routes/services.js'

/** The OpenAPI document as openapi/openapi.json keeps it: the routes are registered, nothing is started. */
export async function openapiDocument (): Promise<string> {
  const app = createApp({} as Services, pino({ level: 'silent' }))
  await app.ready()
  return JSON.stringify(app.swagger(), null, 2) + '\n'
}
