import fc from 'fast-check'
import t from 'tap'
import { agreementWith, answerDigest, canonicalNumbers, digestsAgree, exactMatcher, normaliseAnswer } from '../../../src/core/outcome/exact-match.js'
import { holds } from '../../property.js'

/** Exact Match of one answer. */
const exactMatch = (answer: string, reference: string | readonly string[]) => exactMatcher(reference)(answer)

t.test('two answers match iff their digests are equal', async (t) => {
  const answer = fc.oneof(fc.string(), fc.constantFrom('42', '$42.0', '1,024', '1024', 'The cat', 'cat', 'A', '(A)', '√2', '2'))
  holds(t, fc.property(answer, answer, (a, b) => (answerDigest('salt', a) === answerDigest('salt', b)) === (exactMatch(a, b) === 1)))
})

t.test('answers agree iff they match and are not empty, and their digests say the same', async (t) => {
  const answer = fc.oneof(fc.string(), fc.constantFrom('', ' ', '42', '$42.0', 'The cat', 'cat'))
  holds(t, fc.property(answer, answer, (a, b) => {
    const agree = exactMatch(a, b) === 1 && a.trim() !== ''
    return agreementWith(a)(b) === Number(agree) && digestsAgree(answerDigest('salt', a), answerDigest('salt', b)) === agree
  }))
})

t.test('a digest depends on the salt and contains no text', async (t) => {
  t.match(answerDigest('salt', 'forty-two'), /^[0-9a-f]{16}$/)
  t.not(answerDigest('salt', '42'), answerDigest('pepper', '42'))
})

// The same as a regular expression: sign (not after a word or a point), currency, sign, digits with or without thousands commas, decimals.
const NUMBER = /(?<![\p{L}\p{N}.])([-+]?)\p{Sc}?([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?(?![\p{L}\p{N}])/gu

function asRegularExpression (text: string): string {
  let out = ''
  let at = 0
  for (const { 0: match, 1: sign, 2: innerSign, 3: whole, 4: decimals, index } of text.matchAll(NUMBER)) {
    if (whole === undefined && decimals === undefined) continue
    const integer = (whole ?? '0').replaceAll(',', '').replace(/^0+(?=\d)/, '')
    const fraction = (decimals ?? '').replace(/0+$/, '')
    const isNegative = (sign || innerSign) === '-' && !(integer === '0' && fraction === '')
    out += `${text.slice(at, index)} ${isNegative ? '\ue001' : ''}${integer}${fraction && '\ue000' + fraction} `
    at = index + match.length
  }
  return out + text.slice(at)
}

t.test('numbers are found and spelled as by a reference regular expression', async (t) => {
  const unit = fc.constantFrom('0', '00', '1', '12', '123', '000', ',', '.', '-', '+', '$', 'x', ' ', 'é', '€', '½', '\u0663', '\u{1d7d9}', '\ud83d', '\u{1e2ff}', ',123', ',1234')
  holds(t, fc.property(fc.string({ unit, maxLength: 14 }), (text) => canonicalNumbers(text) === asRegularExpression(text)), 20_000)
  holds(t, fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => canonicalNumbers(text) === asRegularExpression(text)), 2000)
})

t.test('difficult numbers are spelled as expected', async (t) => {
  const spelled = (text: string) => canonicalNumbers(text).replace('\ue000', 'P').replace('\ue001', 'M')
  t.equal(spelled('-$0,012.50'), ' M12P5 ')
  t.equal(spelled('1,234x'), ' 1 ,234x')
  t.equal(spelled('1,234,5678'), ' 1234 , 5678 ')
  t.equal(spelled('-+-5'), '-+ M5 ')
  t.equal(spelled('1.5x'), ' 1 .5x')
})

t.test('the time is linear in the length of the text', async (t) => {
  const size = 4096
  for (const unit of ['1,2,3,', '1,111,', '1,111', '9', '-', '-$-', '-$x', '.', '1.1.', '.0', '1 ', 'é1,', '1,2345', '123,45x', 'x']) {
    const text = unit.repeat(Math.ceil(size / unit.length))
    let looks = 0
    const counted = new Proxy(new String(text), { // eslint-disable-line no-new-wrappers
      get: (string, name) => {
        if (name === 'length') return string.length
        const method = (string as unknown as Record<PropertyKey, (...args: unknown[]) => unknown>)[name]!
        return (...args: unknown[]) => { if (name !== 'slice') looks++; return method.apply(string, args) }
      },
    }) as unknown as string
    t.equal(canonicalNumbers(counted), canonicalNumbers(text))
    t.ok(looks < 20 * text.length, `${looks / text.length} a character of ${unit}`)
  }
})

const same: [name: string, answer: string, reference: string][] = [
  ['case', 'Paris', 'PARIS'],
  ['punctuation', 'Paris.', 'paris'],
  ['hyphens go without a trace, as in SQuAD', 'well-known', 'wellknown'],
  ['typographic quotes', '“Paris”', 'Paris'],
  ['articles', 'The Eiffel Tower', 'eiffel tower'],
  ['articles inside', 'the cat and a dog', 'cat and dog'],
  ['white space', '  New \n York\t', 'new york'],
  ['thousands', '1,024', '1024'],
  ['trailing zeros', '1024.0', '1,024'],
  ['currency', '$1024', '1024.0'],
  ['currency of another kind', '€5', '5'],
  ['all at once', '$1,024.00', '1024'],
  ['leading zeros', '007', '7'],
  ['no leading zero', '.5', '0.50'],
  ['sign outside the currency', '-$5', '-5'],
  ['sign inside the currency', '$-5', '-5'],
  ['a plus sign', '+5', '5'],
  ['the minus sign of Unicode', '\u22125', '-5'],
  ['negative zero', '-0.0', '0'],
  ['end of sentence', 'The answer is 42.', 'answer is 42'],
  ['a number in words', 'It costs $1,200.50 a day', 'it costs 1200.5 day'],
  ['a choice', 'A', 'a'],
  ['a choice in brackets', '(A)', 'A'],
  ['a choice with a stop', 'B.', 'b'],
  ['an article is all there is', 'the', 'The'],
  ['punctuation is all there is', '?!', '?!'],
  ['nothing at all', '', ' \n'],
  ['percent, as in SQuAD', '50%', '50'],
]

const different: [name: string, answer: string, reference: string][] = [
  ['sign', '-5', '5'],
  ['sign in a sentence', 'it is -5', 'it is 5'],
  ['sign, Unicode', '\u22125', '5'],
  ['decimal point', '1.5', '15'],
  ['decimal point, leading', '.5', '5'],
  ['zeros that count', '100', '1'],
  ['zeros that count, after the point', '1.05', '1.5'],
  ['a comma that is no thousands separator', '1,5', '15'],
  ['a fraction is not its digits', '1/2', '12'],
  ['a ratio is not its digits', '3:4', '34'],
  ['ranges', '3-5', '35'],
  ['a choice is not the article', 'A', 'B'],
  ['a choice is not nothing', 'A', ''],
  ['different articles', 'a', 'the'],
  ['a word that begins like an article', 'año', 'ño'],
  ['the same, decomposed', 'an\u0303o', 'n\u0303o'],
  ['a word that ends like one, decomposed', 'the\u0301a', 'the\u0301'],
  ['a word that ends like one', 'théa', 'thé'],
  ['symbols of mathematics', '√2', '2'],
  ['set operators', 'A∩B', 'A∪B'],
  ['a superscript', 'x²', 'x2'],
  ['words', 'Paris', 'London'],
  ['part of the answer', 'Paris, France', 'Paris'],
  ['nothing', '', 'Paris'],
]

for (const [name, a, b] of same) {
  t.test(`equal: ${name}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`, async (t) => {
    t.equal(exactMatch(a, b), 1, normaliseAnswer(a))
    t.equal(exactMatch(b, a), 1, normaliseAnswer(b))
  })
}

for (const [name, a, b] of different) {
  t.test(`different: ${name}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`, async (t) => {
    t.equal(exactMatch(a, b), 0, `${normaliseAnswer(a)} | ${normaliseAnswer(b)}`)
    t.equal(exactMatch(b, a), 0)
  })
}

t.test('three spellings of one number are equal', async (t) => {
  t.equal(new Set(['1,024', '1024.0', '$1024'].map(normaliseAnswer)).size, 1)
})

t.test('an answer may match any reference of a list', async (t) => {
  t.equal(exactMatch('NYC', ['New York', 'nyc']), 1)
  t.equal(exactMatch('Boston', ['New York', 'nyc']), 0)
  t.equal(exactMatch('Boston', []), 0)
  const isRight = exactMatcher(['1', 'one'])
  t.strictSame(['One', '1.0', 'two'].map(isRight), [1, 1, 0])
})

t.test('numbers compare by value', async (t) => {
  const value = fc.record({ whole: fc.integer({ min: -2_000_000, max: 2_000_000 }), thousandths: fc.nat({ max: 999 }) })
  const written = ({ whole, thousandths }: { whole: number, thousandths: number }, comma: boolean, dollar: boolean, zeros: number) => {
    const digits = String(Math.abs(whole))
    const grouped = comma ? digits.replace(/\B(?=(\d{3})+$)/g, ',') : digits
    const decimals = String(thousandths).padStart(3, '0') + '0'.repeat(zeros)
    return `${whole < 0 ? '-' : ''}${dollar ? '$' : ''}${grouped}.${decimals}`
  }
  const style = fc.tuple(fc.boolean(), fc.boolean(), fc.nat({ max: 3 }))
  holds(t, fc.property(value, value, style, style, fc.boolean(), (a, b, x, y, isSame) => {
    const other = isSame ? a : b
    const isEqual = a.whole === other.whole && a.thousandths === other.thousandths
    return exactMatch(written(a, ...x), written(other, ...y)) === (isEqual ? 1 : 0)
  }), 1000)
})

t.test('normalising is idempotent, and any text equals itself', async (t) => {
  holds(t, fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => exactMatch(text, text) === 1), 1000)
  holds(t, fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '.', '-', '1', '0', ',', '$', 'the'), maxLength: 12 }), (text) =>
    exactMatch(` ${text.toUpperCase()} `, text) === 1), 1000)
})

t.test('the time to normalise grows with the length, not with its square', async (t) => {
  // 64 times the 4 KiB an answer may have: linear is a twentieth of a second each, quadratic so many minutes that the test times out.
  const size = 64 * 4096
  const hostile = [
    '0'.repeat(size), '1.' + '0'.repeat(size) + '1', '9'.repeat(size) + 'x', '1.' + '9'.repeat(size) + 'x', '1,111'.repeat(size / 5) + 'x',
    ',111'.repeat(size / 4), '1' + ',111'.repeat(size / 4) + 'x', '-'.repeat(size), '$'.repeat(size), '-$-'.repeat(size / 3), '.'.repeat(size), '. '.repeat(size / 2),
    ' '.repeat(size) + 'x', ' x'.repeat(size / 2), 'a '.repeat(size / 2), 'the'.repeat(size / 3), '1 '.repeat(size / 2), '1.1.'.repeat(size / 4),
    'é'.repeat(size / 2), '\u2212'.repeat(size / 3), '0 '.repeat(size / 2), '.0'.repeat(size / 2), '0.0'.repeat(size / 3) + 'x',
  ]
  for (const answer of hostile) t.equal(typeof normaliseAnswer(answer), 'string', JSON.stringify(answer.slice(0, 12)))
})
