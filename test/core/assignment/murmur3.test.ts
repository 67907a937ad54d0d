import fc from 'fast-check'
import murmurhash from 'murmurhash'
import t from 'tap'
import { murmur3, murmur3Behind } from '../../../src/core/assignment/murmur3.js'
import { holds } from '../../property.js'

t.test('murmur3 gives the known values', async (t) => {
  // Of the reference implementation's documentation and of Wikipedia (MurmurHash, test vectors of MurmurHash3_x86_32, seed 0).
  for (const [text, hash] of [['', 0], ['test', 0xba6bd213], ['Hello, world!', 0xc0363e43], ['The quick brown fox jumps over the lazy dog', 0x2e4ff723]] as const) {
    t.equal(murmur3(text), hash, text)
  }
})

t.test('murmur3 equals the package murmurhash on the UTF-8 bytes', async (t) => {
  const text = fc.oneof(fc.string({ maxLength: 40, unit: 'binary-ascii' }), fc.string({ maxLength: 40, unit: 'grapheme' }), fc.string({ maxLength: 9, unit: 'binary' }))
  const seed = fc.constantFrom(0, 1, 2, 0xffffffff)
  holds(t, fc.property(text, seed, (text, seed) => murmur3(text, seed) === murmurhash.v3(new TextEncoder().encode(text), seed)), 3000)
})

t.test('hashing behind a prefix equals hashing the whole text', async (t) => {
  const text = fc.oneof(fc.string({ maxLength: 12, unit: 'binary-ascii' }), fc.string({ maxLength: 9, unit: 'binary' }))
  holds(t, fc.property(text, text, (prefix, text) => murmur3Behind(prefix)(text) === murmur3(prefix + text)), 3000)
})
