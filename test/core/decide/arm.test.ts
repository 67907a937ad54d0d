import fc from 'fast-check'
import murmurhash from 'murmurhash'
import t from 'tap'
import { CONTROL_FLOOR, drawArm, uniform } from '../../../src/core/decide/arm.js'
import { decide } from '../../../src/core/decide/decide.js'
import { holds } from '../../property.js'
import { snapshotOf } from '../decide/snapshot-of.js'

/** murmur3_32 as its author wrote it (MurmurHash3_x86_32, Austin Appleby, public domain), in whole numbers without tricks. */
function murmur3AsWritten (bytes: Uint8Array, seed: number): number {
  const times = (a: number, b: number) => Number(BigInt(a) * BigInt(b) & 0xffffffffn)
  const rotate = (x: number, by: number) => ((x << by) | (x >>> (32 - by))) >>> 0
  const scramble = (k: number) => times(rotate(times(k, 0xcc9e2d51), 15), 0x1b873593)
  let h = seed
  const tail = bytes.length & 3
  for (let i = 0; i < bytes.length - tail; i += 4) {
    h = (h ^ scramble((bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24) >>> 0)) >>> 0
    h = (times(rotate(h, 13), 5) + 0xe6546b64) >>> 0
  }
  let k = 0
  for (let i = tail; i > 0; i--) k = (k << 8 | bytes[bytes.length - tail + i - 1]!) >>> 0
  if (tail > 0) h = (h ^ scramble(k)) >>> 0
  h = (h ^ bytes.length) >>> 0
  h = times((h ^ h >>> 16) >>> 0, 0x85ebca6b)
  h = times((h ^ h >>> 13) >>> 0, 0xc2b2ae35)
  return (h ^ h >>> 16) >>> 0
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

t.test('murmur3_32 gives the published values', async (t) => {
  for (const [text, seed, expected] of [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['hello', 0, 0x248bfa47],
    ['hello, world', 0, 0x149bbb7f],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ] as const) {
    t.equal(murmurhash.v3(bytesOf(text), seed), expected, `the library: "${text}", seed ${seed}`)
    t.equal(murmur3AsWritten(bytesOf(text), seed), expected, `as written: "${text}", seed ${seed}`)
  }
})

t.test('u is murmur3_32 of salt:id in UTF-8 over 2^32, for ids in any script', async (t) => {
  t.equal(uniform('salt', 'id'), murmur3AsWritten(bytesOf('salt:id'), 0) / 2 ** 32)
  t.not(uniform('salt', 'é'), uniform('salt', 'é'.normalize('NFD')), 'bytes, not looks')
  const id = fc.string({ unit: 'binary', maxLength: 24 })
  holds(t, fc.property(id, id, (salt, id) => uniform(salt, id) === murmur3AsWritten(bytesOf(`${salt}:${id}`), 0) / 2 ** 32), 1000)
})

t.test('u is uniform over similar ids, and independent between salts', async (t) => {
  const n = 50_000
  const cells = Array.from({ length: 100 }, () => 0)
  let floor = 0
  for (let i = 0; i < n; i++) {
    const [u, v] = [uniform('salt-a', `request-${i}`), uniform('salt-b', `request-${i}`)]
    cells[Math.floor(u * 10) * 10 + Math.floor(v * 10)]! += 1
    if (u < CONTROL_FLOOR) floor++
  }
  const chiSquare = cells.reduce((sum, count) => sum + (count - n / 100) ** 2 / (n / 100), 0)
  t.ok(chiSquare < 149, `chi-square ${chiSquare.toFixed(1)} of 99 degrees of freedom: below its 99.9 % quantile`)
  t.ok(Math.abs(floor / n - 0.02) < 3 * Math.sqrt(0.02 * 0.98 / n), `${floor} of ${n} below the floor`)
})

t.test('a generation is control exactly where u < share', async (t) => {
  t.equal(drawArm(0.1, 0.1), 'treated')
  t.equal(drawArm(0.0999, 0.1), 'control')
  t.equal(drawArm(0, 0.02), 'control')
  t.equal(drawArm(0.9999, 1), 'control')
})

t.test('the generations of a group share an arm', async (t) => {
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 10, learnedControlShare: 0.5 } })
  const armOf = (group_id: string, generation_id: string) =>
    decide(snapshot, 'fresh', { group_id, generation_id, tokens: 1, confidence: 0, context: { model: 'q', task: 'x' } }).arm
  const arms = new Set<string>()
  for (let group = 0; group < 50; group++) {
    const ofGroup = new Set(Array.from({ length: 8 }, (_, i) => armOf(`prompt-${group}`, `g-${group}-${i}`)))
    t.equal(ofGroup.size, 1, `group ${group}`)
    for (const arm of ofGroup) arms.add(arm)
  }
  t.strictSame([...arms].sort(), ['control', 'treated'], 'different groups differ')
})
