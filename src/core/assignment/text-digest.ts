import { murmur3 } from './murmur3.js'

/** A digest of a text: murmur3_32 of its UTF-8 with seeds 1 and 2, as 16 hex digits. Two texts collide with probability 2^-64. */
export function textDigest (text: string): string {
  return [1, 2].map((seed) => murmur3(text, seed).toString(16).padStart(8, '0')).join('')
}
