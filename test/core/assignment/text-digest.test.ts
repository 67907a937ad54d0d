import murmurhash from 'murmurhash'
import t from 'tap'
import { textDigest } from '../../../src/core/assignment/text-digest.js'

t.test('a digest is two padded murmur3_32 hashes of the UTF-8 bytes', async (t) => {
  const of = (text: string, seed: number) => murmurhash.v3(new TextEncoder().encode(text), seed).toString(16).padStart(8, '0')
  for (const text of ['', 'a', 'é\u{1F600}', 'x'.repeat(100_000)]) t.equal(textDigest(text), of(text, 1) + of(text, 2))
  t.equal(new Set(Array.from({ length: 1000 }, (_, i) => textDigest(String(i)).length)).size, 1)
})
