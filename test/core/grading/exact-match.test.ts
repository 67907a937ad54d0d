import fc from 'fast-check'
import t from 'tap'
import { exactMatcher, normaliseAnswer } from '../../../src/core/grading/exact-match.js'
import { holds } from '../../property.js'

/** Exact Match of one answer. */
const exactMatch = (answer: string, reference: string | readonly string[]) => exactMatcher(reference)(answer)

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
  // 128 times the 4 KiB an answer may have: linear is a tenth of a second each, quadratic so many minutes that the test times out.
  const size = 128 * 4096
  const hostile = [
    '0'.repeat(size), '1.' + '0'.repeat(size) + '1', '9'.repeat(size) + 'x', '1.' + '9'.repeat(size) + 'x', '1,111'.repeat(size / 5) + 'x',
    ',111'.repeat(size / 4), '1' + ',111'.repeat(size / 4) + 'x', '-'.repeat(size), '$'.repeat(size), '-$-'.repeat(size / 3), '.'.repeat(size), '. '.repeat(size / 2),
    ' '.repeat(size) + 'x', ' x'.repeat(size / 2), 'a '.repeat(size / 2), 'the'.repeat(size / 3), '1 '.repeat(size / 2), '1.1.'.repeat(size / 4),
    'é'.repeat(size / 2), '\u2212'.repeat(size / 3), '0 '.repeat(size / 2), '.0'.repeat(size / 2), '0.0'.repeat(size / 3) + 'x',
  ]
  for (const answer of hostile) t.equal(typeof normaliseAnswer(answer), 'string', JSON.stringify(answer.slice(0, 12)))
})
