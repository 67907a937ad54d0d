import { canonicalNumbers } from './canonical-numbers.js'

// Not all symbols: without them the answers "√2" and "2" would be one.
const PUNCTUATION = /[\p{P}\p{Sc}+<=>^`|~]/gu
const ARTICLES = /(?<![\p{L}\p{M}\p{N}_])(a|an|the)(?![\p{L}\p{M}\p{N}_])/gu

function squash (text: string): string {
  return text.replace(/ \s+|[^\S ]\s*/g, ' ').trim() // leaves single spaces as they are
}

/**
 * SQuAD normalisation (Rajpurkar et al. 2016, evaluate-v1.1: lower case, no punctuation, no articles, single spaces), except that numbers
 * compare by value and that an answer never normalises to nothing: the choice "A" is not the article.
 */
export function normaliseAnswer (answer: string): string {
  const lower = squash(answer.toLowerCase().replaceAll('\u2212', '-'))
  const bare = squash(canonicalNumbers(lower).replace(PUNCTUATION, ''))
  return squash(bare.replace(ARTICLES, ' ')) || bare || lower
}

export type Normalise = (answer: string) => string

/** A normaliseAnswer that does each text once, for as long as it is kept itself. */
export function rememberingNormaliser (): Normalise {
  const known = new Map<string, string>()
  return (answer) => {
    let normalised = known.get(answer)
    if (normalised === undefined) known.set(answer, normalised = normaliseAnswer(answer))
    return normalised
  }
}

/** Exact Match of an answer against a reference, or against any of a list: 1 or 0. No answer matches a blank reference (SQuAD 2.0) only. */
export function exactMatch (answer: string, reference: string | readonly string[]): 0 | 1 {
  return exactMatcher(reference)(answer)
}

/**
 * Exact Match against one reference of many answers.
 * @param normalise normaliseAnswer, or one that remembers
 */
export function exactMatcher (reference: string | readonly string[], normalise: Normalise = normaliseAnswer): (answer: string) => 0 | 1 {
  const right = new Set((typeof reference === 'string' ? [reference] : reference).map((text) => normalise(text)))
  return (answer) => right.has(normalise(answer)) ? 1 : 0
}
