import fc from 'fast-check'
import murmurhash from 'murmurhash'
import t from 'tap'
import { murmur3, murmur3Behind, textDigest } from '../../../src/core/decide/hash.js'
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

t.test('a digest is two padded murmur3_32 hashes of the UTF-8 bytes', async (t) => {
  const of = (text: string, seed: number) => murmurhash.v3(new TextEncoder().encode(text), seed).toString(16).padStart(8, '0')
  for (const text of ['', 'a', 'é\u{1F600}', 'x'.repeat(100_000)]) t.equal(textDigest(text), of(text, 1) + of(text, 2))
  t.equal(new Set(Array.from({ length: 1000 }, (_, i) => textDigest(String(i)).length)).size, 1)
})
