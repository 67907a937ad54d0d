/** An object that came as JSON from a client or a model server: nothing is known about its fields. */
export type JsonObject = Record<string, unknown>

export function isJsonObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field of a value of any type; `undefined` if the value has none. */
export function fieldOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as JsonObject)[name] : undefined
}

/** The items of a list; none if the value is not a list. */
export function itemsOf (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function numberOrNull (value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** A text; '' for a missing field. A value of another type is read as JavaScript prints it; the client still gets it as it came. */
export function textOf (value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : String(value)
}

/** Token ids; `null` if the value is not a list of numbers. */
export function tokenIdsOf (value: unknown): readonly number[] | null {
  if (!Array.isArray(value)) return null
  for (const id of value) if (typeof id !== 'number') return null
  return value
}
