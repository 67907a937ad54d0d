import { jsonOf } from './parse-json.js'

/** Letters of a line that is looked through for a second record. */
const LOOKED_THROUGH = 65536

/**
 * A line's record. A job that is killed may leave half a line without an end, and when it is resumed write the next one right behind it:
 * that one is taken. `null`: there is none.
 */
export function lineOf (text: string): object | null {
  for (let at = 0; at !== -1; at = text.length > LOOKED_THROUGH ? -1 : text.indexOf('{"', at + 1)) {
    const json = jsonOf(text.slice(at))
    if (typeof json === 'object' && json !== null && (at === 0 || 'step' in json)) return json
  }
  return null
}
