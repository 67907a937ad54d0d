const POINT = '\ue000'
const MINUS = '\ue001'
// A number: sign (not after a word character), currency, digits with or without thousands commas, decimals.
const NUMBER = /(?<![\p{L}\p{N}.])([-+]?)\p{Sc}?([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?(?![\p{L}\p{N}])/gu
const PUNCTUATION = /[\p{P}\p{S}]/gu
const ARTICLES = /\b(a|an|the)\b/g

/** `1,024`, `1024.0` and `$1024` become one text; sign and decimal point survive the removal of punctuation. */
function canonicalNumber (match: string, sign: string, innerSign: string, whole: string | undefined, decimals: string | undefined): string {
  if (whole === undefined && decimals === undefined) return match
  const integer = (whole ?? '0').replaceAll(',', '').replace(/^0+(?=\d)/, '')
  const fraction = (decimals ?? '').replace(/0+$/, '')
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

/** Exact Match of an answer against a reference, or against any of a list: 1 or 0. */
export function exactMatch (answer: string, reference: string | readonly string[]): 0 | 1 {
  const normalised = normaliseAnswer(answer)
  if (normalised === '') return 0
  const references = typeof reference === 'string' ? [reference] : reference
  return references.some((text) => normaliseAnswer(text) === normalised) ? 1 : 0
}
