import { normaliseAnswer, type Normalise } from './exact-match.js'
import { textDigest } from '../assignment/text-digest.js'

/**
 * A digest that stands for an answer whose text is not kept: two answers match by Exact Match exactly where the digests of
 * `salt:normalised answer` are equal (up to a collision of probability 2^-64). It is no secret: whoever has the salt can try answers.
 */
export function answerDigest (salt: string, answer: string, normalise: Normalise = normaliseAnswer): string {
  return textDigest(`${salt}:${normalise(answer)}`)
}
