import { randomUUID } from 'node:crypto'
import t from 'tap'
import { decodeStops, encodeStops, type StopDecision, type StopOutcome, type StopRow } from '../../../src/service/decision-log/stop-rows.js'
import { mulberry32 } from '../../random.js'

const random = mulberry32(1)

const decision = (i: number): StopDecision => ({
  score: Math.round(1e6 * (0.95 + random() / 20)) / 1e6, scorer: 'confidence', threshold: 0.9 + (i % 90) / 1000, version: 40 + (i % 3),
})

const outcome = (i: number): StopOutcome => ({
  em: i % 5 === 0 ? null : i % 2 === 0 ? 1 : 0, tokens: Math.floor(10_000 * random()), isAsProbed: i % 3 === 0 ? null : i % 3 === 1,
})

/** Stops of a busy fleet: ids are UUIDs, which do not compress. */
const rows = Array.from({ length: 4096 }, (_, i): StopRow => ({
  at: 1_789_700_645_678 + i,
  id: randomUUID(),
  context: `model=m${Math.floor(random() * 5)},task=t${Math.floor(random() * 40)}`,
  source: `model=m${i % 5}`,
  tokens: 32 * Math.floor(1 + random() * 200),
  decision: i % 4 === 0 ? null : decision(i),
  outcome: i % 4 > 1 ? null : outcome(i),
}))

t.test('rows are read as they were written', async (t) => {
  t.strictSame(await decodeStops(await encodeStops(rows)), rows)
})

t.test('a row takes less than 64 bytes where thousands are stored together, and not much more where five are', async (t) => {
  const bytes = (await encodeStops(rows)).length / rows.length
  const few = (await encodeStops(rows.slice(0, 5))).length / 5
  t.comment(`${bytes.toFixed(1)} bytes; of five ${few.toFixed(1)}`)
  t.ok(bytes < 64, `${bytes}`)
  t.ok(few < 96, `${few}`)
})

t.test('damaged rows are none', async (t) => {
  t.strictSame(await decodeStops(Buffer.from('no rows')), [])
  t.strictSame(await decodeStops((await encodeStops(rows)).subarray(0, 100)), [])
})
