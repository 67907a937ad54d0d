import { FREE_BODY_BYTES } from './body-admission.js'

/** Limits on the shape of a JSON text: the deepest nesting, and the number of arrays and objects. No valid request comes near them. */
const MAX_DEPTH = 32
const MAX_CONTAINERS = 131_072
/** A text with so few arrays and objects is cheap however they are nested. */
const FEW = 1024

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}')

/**
 * Whether a JSON text is nested too deeply, or has too many arrays and objects. Parsing such a text takes up to a second and 30 times its
 * memory; this takes some milliseconds. Short texts are never too costly. The text need not be valid.
 */
export function isTooCostly (text: Buffer): boolean {
  return text.length > FREE_BODY_BYTES && new JsonShape().add(text)
}

/** The shape of a JSON text that arrives in parts, by the rule of `isTooCostly`. */
export class JsonShape {
  readonly #maxContainers: number
  #openings = 0
  /** Parts that were not looked at closely, since there are few opening brackets so far; `null`: there are many. */
  #parts: Buffer[] | null = []
  #depth = 0
  #deepest = 0
  #containers = 0
  #isInString = false
  #isEscaped = false

  /** @param maxContainers the most arrays and objects that a valid request may need */
  constructor (maxContainers = MAX_CONTAINERS) { this.#maxContainers = maxContainers }

  /** Adds the next part of a text. @returns whether the text is already too costly, if it is not a short one */
  add (part: Buffer): boolean {
    if (this.#parts === null) return this.#look(part)
    this.#parts.push(part)
    this.#openings += countOpenings(part, FEW - this.#openings)
    if (this.#openings <= FEW) return false
    const parts = this.#parts
    this.#parts = null
    return parts.some((part) => this.#look(part))
  }

  #look (part: Buffer): boolean {
    for (let i = this.#isInString ? this.#skipString(part, 0) : 0; i < part.length; i++) {
      switch (part[i]) {
        case QUOTE:
          i = this.#skipString(part, i + 1) - 1
          break
        case OPEN_ARRAY:
        case OPEN_OBJECT:
          this.#containers++
          this.#deepest = Math.max(this.#deepest, ++this.#depth)
          if (this.#isCostly()) return true
          break
        case CLOSE_ARRAY:
        case CLOSE_OBJECT:
          this.#depth--
          break
      }
    }
    return false
  }

  #isCostly (): boolean { return this.#containers > FEW && (this.#deepest > MAX_DEPTH || this.#containers > this.#maxContainers) }

  /** @param from an index within a string @returns the index after its closing quote, or the end of the part */
  #skipString (part: Buffer, from: number): number {
    for (let i = from; i < part.length; i++) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (part[i] === BACKSLASH) this.#isEscaped = true
      else if (part[i] === QUOTE) {
        this.#isInString = false
        return i + 1
      }
    }
    this.#isInString = true
    return part.length
  }
}

/** The number of opening brackets, in strings, too. @param enough it stops to count beyond this number */
function countOpenings (text: Buffer, enough: number): number {
  let openings = 0
  for (const bracket of [OPEN_ARRAY!, OPEN_OBJECT!]) {
    for (let i = text.indexOf(bracket); i !== -1 && openings <= enough; i = text.indexOf(bracket, i + 1)) openings++
  }
  return openings
}
