import { pino } from 'pino'
import { createApp } from '../../app/app.js'
import type { Services } from '../../../routes/services.js'

/** The OpenAPI document, as committed in openapi/openapi.json. It registers the routes but starts nothing. */
export async function openapiDocument (): Promise<string> {
  const app = createApp({} as Services, pino({ level: 'silent' }))
  await app.ready()
  return JSON.stringify(app.swagger(), null, 2) + '\n'
}
