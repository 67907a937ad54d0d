import { textDigest } from '../decide/hash.js'

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
 * @param normalise normaliseAnswer, or a caching version of it
 */
export function exactMatcher (reference: string | readonly string[], normalise: Normalise = normaliseAnswer): (answer: string) => 0 | 1 {
  const right = new Set((typeof reference === 'string' ? [reference] : reference).map((text) => normalise(text)))
  return (answer) => right.has(normalise(answer)) ? 1 : 0
}

// Private-use characters, which are no punctuation.
const PLACEHOLDER = { point: '\ue000', minus: '\ue001' }
const WORD = /[\p{L}\p{N}]/u
const CURRENCY = /\p{Sc}/u
const PLUS = 43
const COMMA = 44
const MINUS = 45
const POINT = 46
const DOLLAR = 36
const ZERO = 48

/**
 * Puts each number between spaces and in one spelling: `1,024`, `1024.0` and `$1024` become equal, and sign and decimal point survive the
 * removal of punctuation. A number is an optional sign, currency and sign, then digits with or without thousands commas, then decimals, and
 * touches no word. It is parsed by hand in one pass: a regular expression takes ten times as long on 4 KiB of numbers.
 */
export function canonicalNumbers (text: string): string {
  let out = ''
  let copied = 0
  let isInWord = false // `at` follows a letter, digit or point, so no number begins there
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at)!
    const digits = isInWord ? at : skipPrefix(text, at)
    const number = isInWord ? null : numberAt(text, digits)
    if (number !== null) {
      const { whole, decimals, end } = number
      const sign = isSign(code) ? code : text.charCodeAt(digits - 1)
      const isNegative = digits > at && sign === MINUS && (whole !== '0' || decimals !== '')
      out += `${text.slice(copied, at)} ${isNegative ? PLACEHOLDER.minus : ''}${whole}${decimals && PLACEHOLDER.point + decimals} `
      copied = at = end
      isInWord = true
    } else if (digits > at) {
      at = digits
      isInWord = false
    } else {
      at += code > 0xffff ? 2 : 1
      isInWord = code === POINT || isWord(code)
    }
  }
  return out + text.slice(copied)
}

/** Where the digits begin of a number whose optional sign and currency begin here. */
function skipPrefix (text: string, at: number): number {
  if (isSign(text.charCodeAt(at))) at++
  const code = text.codePointAt(at) ?? -1
  if (isCurrency(code)) at += code > 0xffff ? 2 : 1
  return isSign(text.charCodeAt(at)) ? at + 1 : at
}

/** The number whose digits begin here, without leading and trailing zeros; `null` if there is none. */
function numberAt (text: string, at: number): { whole: string, decimals: string, end: number } | null {
  const whole = wholeEnd(text, at)
  let end = whole
  if (text.charCodeAt(whole) === POINT) {
    const decimals = digitsEnd(text, whole + 1)
    if (decimals > whole + 1 && !isWordAt(text, decimals)) end = decimals
  }
  if (end === at || (end === whole && isWordAt(text, end))) return null
  let from = at
  while (from < whole - 1 && (text.charCodeAt(from) === ZERO || text.charCodeAt(from) === COMMA)) from++
  let to = end
  while (to > whole + 1 && text.charCodeAt(to - 1) === ZERO) to--
  return { whole: whole === at ? '0' : withoutCommas(text.slice(from, whole)), decimals: text.slice(whole + 1, to), end }
}

/** The end of the digits before the point, including the groups of thousands that do not touch a word. */
function wholeEnd (text: string, at: number): number {
  const first = digitsEnd(text, at)
  if (first === at || first > at + 3) return first
  let end = first
  while (text.charCodeAt(end) === COMMA && digitsEnd(text, end + 1, 3) === end + 4) end += 4
  return end > first && isWordAt(text, end) ? end - 4 : end
}

function digitsEnd (text: string, at: number, most = Infinity): number {
  let end = at
  while (end - at < most && isDigit(text.charCodeAt(end))) end++
  return end
}

const withoutCommas = (digits: string): string => digits.length > 4 ? digits.replaceAll(',', '') : digits
const isDigit = (code: number): boolean => code >= ZERO && code <= ZERO + 9
const isSign = (code: number): boolean => code === PLUS || code === MINUS
const isCurrency = (code: number): boolean => code < 128 ? code === DOLLAR : CURRENCY.test(String.fromCodePoint(code))

function isWordAt (text: string, at: number): boolean {
  return at < text.length && isWord(text.codePointAt(at)!)
}

/** Whether a character is a letter or digit of any script. */
function isWord (code: number): boolean {
  if (code >= 128) return WORD.test(String.fromCodePoint(code))
  return isDigit(code) || (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}

/** The digest of an empty answer. */
const EMPTY = ''

/**
 * A digest that stands for an answer whose text is not kept: two answers match by Exact Match exactly where the digests of
 * `salt:normalised answer` are equal (up to a collision of probability 2^-64). It does not hide short answers: anyone with
 * the salt can try them.
 */
export function answerDigest (salt: string, answer: string, normalise: Normalise = normaliseAnswer): string {
  const normalised = normalise(answer)
  return normalised === '' ? EMPTY : textDigest(`${salt}:${normalised}`)
}

/**
 * Whether two answers agree, by their digests. An empty answer agrees with nothing, not even with another one: otherwise an extractor that
 * finds no answer would show that stopping never changes one.
 */
export function digestsAgree (one: string, other: string): boolean { return one === other && one !== EMPTY }

/** Returns a function that compares answers with the final one: 1 where they agree. An empty answer agrees with nothing. */
export function agreementWith (final: string, normalise: Normalise = normaliseAnswer): (answer: string) => 0 | 1 {
  const normalised = normalise(final)
  return (answer) => normalised !== '' && normalise(answer) === normalised ? 1 : 0
}
