import { normaliseAnswer, type Normalise } from './exact-match.js'
import { textDigest } from '../assignment/text-digest.js'

/**
 * Stands for an answer where its text is not kept: two answers match by Exact Match iff their digests of `salt:normalised answer` are equal
 * (but for one pair in 2^64). No secret: who has the salt can try answers.
 */
export function answerDigest (salt: string, answer: string, normalise: Normalise = normaliseAnswer): string {
  return textDigest(`${salt}:${normalise(answer)}`)
}
