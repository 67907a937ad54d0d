const encoder = new TextEncoder()

/**
 * murmur3_32 (MurmurHash3_x86_32, Austin Appleby) of a text as UTF-8: an integer below 2^32. ASCII texts, such as most ids, are hashed
 * without being encoded first. The package `murmurhash` gives the same numbers and takes ten times as long.
 */
export function murmur3 (text: string, seed = 0): number {
  let hash = seed
  const { length } = text
  const tail = length & 3
  for (let i = 0; i < length - tail; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    if ((a | b | c | d) > 127) return murmur3OfBytes(encoder.encode(text), seed)
    hash = mix(hash, a | b << 8 | c << 16 | d << 24)
  }
  let rest = 0
  for (let i = length - 1; i >= length - tail; i--) {
    const char = text.charCodeAt(i)
    if (char > 127) return murmur3OfBytes(encoder.encode(text), seed)
    rest = rest << 8 | char
  }
  return finish(tail > 0 ? hash ^ scramble(rest) : hash, length)
}

/**
 * Returns a function that hashes `prefix + text` with seed 0. The prefix is hashed once, and the strings are not joined: a draw hashes a
 * constant salt and an id.
 */
export function murmur3Behind (prefix: string): (text: string) => number {
  const { length } = prefix
  const carried = length & 3
  let head = 0
  for (let i = 0; i < length - carried; i += 4) head = mix(head, blockAt(prefix, i, 4))
  const carry = blockAt(prefix, length - carried, carried)
  const isPlain = !/[^\0-\x7f]/.test(prefix)
  return (text) => {
    let hash = head
    let block = carry
    let shift = 8 * carried
    let seen = 0
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i)
      seen |= char
      block |= char << shift
      shift += 8
      if (shift < 32) continue
      hash = mix(hash, block)
      block = shift = 0
    }
    if (seen > 127 || !isPlain) return murmur3(prefix + text)
    return finish(shift > 0 ? hash ^ scramble(block) : hash, length + text.length)
  }
}

function blockAt (text: string, at: number, length: number): number {
  let block = 0
  for (let i = 0; i < length; i++) block |= text.charCodeAt(at + i) << 8 * i
  return block
}

function murmur3OfBytes (bytes: Uint8Array, seed: number): number {
  let hash = seed
  const { length } = bytes
  const tail = length & 3
  for (let i = 0; i < length - tail; i += 4) hash = mix(hash, bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24)
  let rest = 0
  for (let i = length - 1; i >= length - tail; i--) rest = rest << 8 | bytes[i]!
  return finish(tail > 0 ? hash ^ scramble(rest) : hash, length)
}

function scramble (block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul(k << 15 | k >>> 17, 0x1b873593)
}

function mix (hash: number, block: number): number {
  const h = hash ^ scramble(block)
  return Math.imul(h << 13 | h >>> 19, 5) + 0xe6546b64 | 0
}

function finish (hash: number, length: number): number {
  let h = hash ^ length
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b)
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35)
  return (h ^ h >>> 16) >>> 0
}

/** A digest of a text: murmur3_32 of its UTF-8 with seeds 1 and 2, as 16 hex digits. Two texts collide with probability 2^-64. */
export function textDigest (text: string): string {
  return [1, 2].map((seed) => murmur3(text, seed).toString(16).padStart(8, '0')).join('')
}
