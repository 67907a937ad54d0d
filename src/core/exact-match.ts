const POINT = '\ue000'
const MINUS = '\ue001'
// A number: sign (not after a word character), currency, digits with or without thousands commas, decimals.
const NUMBER = /(?<![\p{L}\p{N}.])([-+]?)\p{Sc}?([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?(?![\p{L}\p{N}])/gu
// Not all symbols: without them the answers "√2" and "2" would be one.
const PUNCTUATION = /[\p{P}\p{Sc}+<=>^`|~]/gu
const ARTICLES = /(?<![\p{L}\p{M}\p{N}_])(a|an|the)(?![\p{L}\p{M}\p{N}_])/gu

/** `1,024`, `1024.0` and `$1024` become one text; sign and decimal point survive the removal of punctuation. */
function canonicalNumber (match: string, sign: string, innerSign: string, whole: string | undefined, decimals: string | undefined): string {
  if (whole === undefined && decimals === undefined) return match
  const integer = (whole ?? '0').replaceAll(',', '').replace(/^0+(?=\d)/, '')
  const fraction = (decimals ?? '').replace(/(?<!0)0+$/, '') // the look-behind keeps it linear in inner zeros
  const isNegative = (sign || innerSign) === '-' && !(integer === '0' && fraction === '')
  return ` ${isNegative ? MINUS : ''}${integer}${fraction && POINT + fraction} `
}

function squash (text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/**
 * SQuAD normalisation (Rajpurkar et al. 2016, evaluate-v1.1: lower case, no punctuation, no articles, single spaces), except that numbers
 * compare by value and that an answer never normalises to nothing: the choice "A" is not the article.
 */
export function normaliseAnswer (answer: string): string {
  const lower = squash(answer.toLowerCase().replaceAll('\u2212', '-'))
  const bare = squash(lower.replace(NUMBER, canonicalNumber).replace(PUNCTUATION, ''))
  return squash(bare.replace(ARTICLES, ' ')) || bare || lower
}

/** Exact Match of an answer against a reference, or against any of a list: 1 or 0. No answer matches a blank reference (SQuAD 2.0) only. */
export function exactMatch (answer: string, reference: string | readonly string[]): 0 | 1 {
  return exactMatcher(reference)(answer)
}

/** Exact Match against one reference of many answers. */
export function exactMatcher (reference: string | readonly string[]): (answer: string) => 0 | 1 {
  const right = new Set((typeof reference === 'string' ? [reference] : reference).map(normaliseAnswer))
  return (answer) => right.has(normaliseAnswer(answer)) ? 1 : 0
}
