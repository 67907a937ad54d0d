import { Ajv } from 'ajv'
import type { Static, TObject } from '#typebox'

/** An invalid setting. The message names it. */
export class ConfigError extends Error { override name = 'ConfigError' }

/** Environment variables are text, which is coerced. Variables that are not settings are left out. */
const ajv = new Ajv({ strict: false, validateSchema: false, coerceTypes: true, useDefaults: true, removeAdditional: 'all' })

/** A switch may also be 1 or 0, or a replica that is restarted in haste with PAUSE_STOPPING=1 would not start. */
const SWITCHES: ReadonlyMap<string | undefined, string> = new Map([['1', 'true'], ['0', 'false']])

/**
 * Settings of a schema from the environment, with their defaults.
 * @throws ConfigError that names the setting and its valid values
 */
export function readEnvironment<T extends TObject> (schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const settings = { ...env }
  for (const [name, property] of Object.entries(schema.properties)) {
    if ((property as { type?: string }).type === 'boolean' && SWITCHES.has(env[name])) settings[name] = SWITCHES.get(env[name])
  }
  const validate = ajv.compile<Static<T>>(schema) // once for each schema: Ajv remembers it
  if (validate(settings)) return settings
  const { instancePath, keyword, message, params } = validate.errors![0]!
  const name = instancePath.slice(1)
  const property = schema.properties[name] as { description?: string, default?: unknown }
  const problem = keyword === 'pattern' ? 'has the wrong format' : message
  const allowed = keyword === 'enum' ? ` (${params.allowedValues.join(', ')})` : ''
  throw new ConfigError(`${name} (${JSON.stringify(env[name])}) ${problem}${allowed}: ${property.description}; default ${JSON.stringify(property.default)}`)
}
