import fc from 'fast-check'
import t from 'tap'
import { canonicalNumbers } from '../../../src/core/grading/canonical-numbers.js'
import { holds } from '../../property.js'

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
