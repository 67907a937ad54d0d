import { canonicalNumbers } from './canonical-numbers.js'

// Other symbols stay: without them "√2" and "2" would be equal.
const PUNCTUATION = /[\p{P}\p{Sc}+<=>^`|~]/gu
const ARTICLES = /(?<![\p{L}\p{M}\p{N}_])(a|an|the)(?![\p{L}\p{M}\p{N}_])/gu

function squash (text: string): string {
  return text.replace(/ \s+|[^\S ]\s*/g, ' ').trim() // single spaces stay
}

/**
 * SQuAD normalisation (Rajpurkar et al. 2016, evaluate-v1.1: lower case, no punctuation, no articles, single spaces), except that numbers
 * compare by value and that an answer never becomes empty: the choice "A" is not the article.
 */
export function normaliseAnswer (answer: string): string {
  const lower = squash(answer.toLowerCase().replaceAll('\u2212', '-'))
  const bare = squash(canonicalNumbers(lower).replace(PUNCTUATION, ''))
  return squash(bare.replace(ARTICLES, ' ')) || bare || lower
}

export type Normalise = (answer: string) => string

/** A `normaliseAnswer` that caches its results as long as it lives itself. */
export function rememberingNormaliser (): Normalise {
  const cache = new Map<string, string>()
  return (answer) => {
    let normalised = cache.get(answer)
    if (normalised === undefined) cache.set(answer, normalised = normaliseAnswer(answer))
    return normalised
  }
}

/**
 * Returns a function that grades answers against one reference or any of a list: 1 or 0 by Exact Match. An empty answer matches only a
 * blank reference (SQuAD 2.0).
 * @param normalise normaliseAnswer, or one that caches
 */
export function exactMatcher (reference: string | readonly string[], normalise: Normalise = normaliseAnswer): (answer: string) => 0 | 1 {
  const right = new Set((typeof reference === 'string' ? [reference] : reference).map((text) => normalise(text)))
  return (answer) => right.has(normalise(answer)) ? 1 : 0
}
