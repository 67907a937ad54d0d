import { FREE_BODY_BYTES } from './body-admission.js'

/** Limits on the shape of a JSON text: the deepest nesting, and the number of arrays and objects. No valid request comes near them. */
const MAX_DEPTH = 32
const MAX_CONTAINERS = 131_072
/** A text with so few arrays and objects is cheap however they are nested. Columns have some twenty, and are found out by two searches. */
const FEW = 1024

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}')

/**
 * Whether a JSON text is nested too deeply, or has too many arrays and objects. Parsing such a text takes up to a second and 30 times its
 * memory; this takes some milliseconds. Short texts are never too costly. The text need not be valid.
 */
export function isTooCostly (text: Buffer): boolean {
  if (text.length <= FREE_BODY_BYTES || hasFew(text)) return false
  let depth = 0
  let containers = 0
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case QUOTE:
        while (++i < text.length && text[i] !== QUOTE) if (text[i] === BACKSLASH) i++
        break
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++depth > MAX_DEPTH || ++containers > MAX_CONTAINERS) return true
        break
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--
        break
    }
  }
  return false
}

function hasFew (text: Buffer): boolean {
  let openings = 0
  for (const bracket of [OPEN_ARRAY!, OPEN_OBJECT!]) {
    for (let i = text.indexOf(bracket); i !== -1; i = text.indexOf(bracket, i + 1)) if (++openings > FEW) return false
  }
  return true
}
