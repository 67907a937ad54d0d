import fc from 'fast-check'
import { WORDS } from './from-schema.js'

/** Any JSON value, which is mostly invalid where it is put. */
const junk = fc.oneof(
  fc.constantFrom('null', '""', '-1', '0', '1', '1.5', '1e400', '-0', '9007199254740993', 'true', '[]', '{}', '[null]', '"NaN"', '"\\ud800"', '[[[[[[]]]]]]',
    '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"length":-1}', '{"toJSON":1}'),
  fc.constantFrom(...WORDS).map((word) => JSON.stringify(word)),
  fc.constantFrom(1000, 100_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.json()
)

/** Replaces, removes or duplicates a value anywhere in a body, or adds an unknown one beside it. */
export function spoiled (body: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const how = fc.constantFrom('replace', 'remove', 'add', 'repeat')
  return fc.tuple(body, fc.nat(), how, fc.constantFrom(...WORDS), junk).map(([value, where, how, name, text]) => {
    const places = placesIn(value)
    const { holder, key } = places[where % places.length]!
    const isArray = Array.isArray(holder.value)
    return write(value, holder.value, key, ({ own, rest }) => {
      if (how === 'remove') return rest
      if (how === 'replace') return [...rest, isArray ? text : `${JSON.stringify(key)}:${text}`]
      if (how === 'repeat') return [...rest, own, own]
      return [...rest, own, isArray ? text : `${JSON.stringify(name)}:${text}`]
    }, text)
  })
}

/** Bodies that are not JSON, or not an object. */
export const noJson: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', ' ', '{', '}', '{"tokens":1,"confidence":NaN}', '{"a":Infinity}', "{'a':1}", '\ufeff{}', '{}{}', 'null', '1', '"text"', '[]', '{"a":\u0000}', 'undefined', '\\'),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.tuple(fc.json(), fc.nat()).map(([text, end]) => text.slice(0, end % text.length))
)

interface Place { readonly holder: { readonly value: unknown }, readonly key: string }

/** Every member of every object and array in a value, or the value itself if it has none. */
function placesIn (value: unknown): Place[] {
  if (value === null || typeof value !== 'object') return [{ holder: { value: undefined }, key: '' }]
  const own = Object.keys(value).map((key) => ({ holder: { value }, key }))
  const below = Object.values(value).flatMap((member) => member !== null && typeof member === 'object' ? placesIn(member) : [])
  return own.length + below.length === 0 ? [{ holder: { value: undefined }, key: '' }] : [...own, ...below]
}

type Change = (members: { own: string, rest: string[] }) => string[]

/** JSON in which the members of one object or array are changed, or `instead` where none has members. */
function write (value: unknown, holder: unknown, key: string, change: Change, instead: string): string {
  if (holder === undefined) return instead
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const isArray = Array.isArray(value)
  const texts = Object.entries(value).map(([name, member]) => {
    const text = write(member, holder, key, change, instead)
    return [name, isArray ? text : `${JSON.stringify(name)}:${text}`] as const
  })
  const own = texts.find(([name]) => name === key)?.[1]
  const rest = texts.filter(([name]) => value !== holder || name !== key).map(([, text]) => text)
  const members = value === holder ? change({ own: own!, rest }) : rest
  return isArray ? `[${members}]` : `{${members}}`
}
