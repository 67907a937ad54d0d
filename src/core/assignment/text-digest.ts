import murmurhash from 'murmurhash'

const encoder = new TextEncoder()

/** Stands for a text: murmur3_32 of its UTF-8 with seeds 1 and 2, as 16 hex digits, so that one pair in 2^64 has the same. */
export function textDigest (text: string): string {
  const bytes = encoder.encode(text)
  return [1, 2].map((seed) => murmurhash.v3(bytes, seed).toString(16).padStart(8, '0')).join('')
}
