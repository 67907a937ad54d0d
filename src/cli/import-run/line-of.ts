import { jsonOf } from './parse-json.js'

/** Longest line that is searched for a second record, characters. */
const LOOKED_THROUGH = 65536

/**
 * The record of a line; `null` if there is none. A killed job may leave half a record without a line break, and write the next record right
 * after it when it resumes; that next record is returned.
 */
export function lineOf (text: string): object | null {
  for (let at = 0; at !== -1; at = text.length > LOOKED_THROUGH ? -1 : text.indexOf('{"', at + 1)) {
    const json = jsonOf(text.slice(at))
    if (typeof json === 'object' && json !== null && (at === 0 || 'step' in json)) return json
  }
  return null
}
