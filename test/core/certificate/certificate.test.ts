import fc from 'fast-check'
import t from 'tap'
import { certifiedIndex, generationsToReach, logEvidence, losslessGenerations, type Counts } from '../../../src/core/certificate/certificate.js'
import { holds } from '../../property.js'
import { sharedData } from '../../shared-data.js'

interface Vectors {
  readonly bets: number[]
  readonly evidence: { max_em_drop: number, lost: number, kept: number, gained: number, log_evidence: number }[]
  readonly first_certificate: { max_em_drop: number, error_level: number, lossless_generations_to_first_certificate: number }[]
}

/** The mean of products as DESIGN writes it, without logarithms; good for counts small enough not to overflow. */
function evidenceAsWritten (a: number, lost: number, kept: number, gained: number): number {
  let sum = 0
  for (let i = 1; i <= 16; i++) {
    const nu = (i - 0.5) / 16 / (1 - a)
    sum += (1 - nu * (1 - a)) ** lost * (1 + nu * a) ** kept * (1 + nu * (1 + a)) ** gained
  }
  return sum / 16
}

const isClose = (x: number, y: number) => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y))

const tolerance = fc.double({ min: 0.001, max: 0.5, noNaN: true })
const count = fc.nat({ max: 400 })
const fewer = fc.nat({ max: 60 })
const level = fc.double({ min: 1e-6, max: 0.5, noNaN: true })

/** Counts of a whole grid, among them many that pass. */
const counts: fc.Arbitrary<Counts> = fc.record({
  generations: fc.integer({ min: 100, max: 3000 }),
  pairs: fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 })), { minLength: 1, maxLength: 30 }),
}).map(({ generations, pairs }) => ({ generations, lost: pairs.map(([lost]) => lost), gained: pairs.map(([, gained]) => gained) }))

function passes ({ generations, lost, gained }: Counts, k: number, a: number, logBar: number): boolean {
  return logEvidence(a, lost[k]!, generations - lost[k]! - gained[k]!, gained[k]!) >= logBar
}

t.test('ln E equals the values of an independent float64 reference', async (t) => {
  for (const [a, lost, kept, gained, expected] of [
    [0.005, 0, 0, 0, 0],
    [0.005, 0, 100, 0, 0.2612422746771188],
    [0.005, 1, 300, 0, -0.12378379672878795],
    [0.005, 10, 990, 10, -0.23064108168765418],
    [0.005, 0, 0, 50, 31.561081413789488],
    [0.005, 50, 0, 0, -4.324027495797109],
    [0.005, 200, 100000, 150, 189.23176637431064],
  ] as const) t.ok(isClose(logEvidence(a, lost, kept, gained), expected), `a=${a}: ${lost} lost, ${kept} kept, ${gained} gained`)
})

t.test('lossless generations to a first certificate at 0.05 (DESIGN, The certificate)', async (t) => {
  t.equal(losslessGenerations(0.01, 0.05), 450)
  t.equal(losslessGenerations(0.02, 0.05), 224)
  t.equal(losslessGenerations(0.03, 0.05), 148)
  t.equal(losslessGenerations(0.05, 0.05), 88)
})

t.test('parity with vectors/certificate.json', async (t) => {
  const text = sharedData(t, 'VECTORS_DIR', 'certificate.json')
  if (text === null) return
  const vectors: Vectors = JSON.parse(text)
  t.strictSame(Array.from({ length: 16 }, (_, i) => (i + 0.5) / 16), vectors.bets)
  t.ok(vectors.evidence.length > 50)
  for (const row of vectors.evidence) {
    t.ok(isClose(logEvidence(row.max_em_drop, row.lost, row.kept, row.gained), row.log_evidence), JSON.stringify(row))
  }
  for (const row of vectors.first_certificate) {
    t.equal(losslessGenerations(row.max_em_drop, row.error_level), row.lossless_generations_to_first_certificate, JSON.stringify(row))
  }
})

t.test('ln E is the logarithm of the formula', async (t) => {
  holds(t, fc.property(tolerance, count, count, count, (a, lost, kept, gained) => {
    const expected = evidenceAsWritten(a, lost, kept, gained % 50)
    return expected < 1e-300 || isClose(logEvidence(a, lost, kept, gained % 50), Math.log(expected))
  }), 2000)
})

t.test('E is a fair bet: its expectation stays the same where the mean drop is exactly a', async (t) => {
  holds(t, fc.property(tolerance, fewer, fewer, fewer, fc.double({ min: 0, max: 0.25, noNaN: true }),
    (a, lost, kept, gained, gainedRate) => {
      const lostRate = Math.min(a + gainedRate, 1 - gainedRate) // lost - gained = a, the edge of the null hypothesis
      const keptRate = 1 - lostRate - gainedRate
      const next = lostRate * evidenceAsWritten(a, lost + 1, kept, gained) + keptRate * evidenceAsWritten(a, lost, kept + 1, gained) +
        gainedRate * evidenceAsWritten(a, lost, kept, gained + 1)
      return lostRate < a + gainedRate || isClose(next / evidenceAsWritten(a, lost, kept, gained), 1)
    }), 2000)
})

t.test('more kept or gained is more evidence, more lost is less', async (t) => {
  holds(t, fc.property(tolerance, count, count, count, (a, lost, kept, gained) => {
    const now = logEvidence(a, lost, kept, gained)
    const withKept = logEvidence(a, lost, kept + 1, gained)
    return withKept > now && logEvidence(a, lost, kept, gained + 1) > withKept && logEvidence(a, lost + 1, kept, gained) < now
  }))
})

t.test('certifiedIndex is the last threshold that passes before the first that fails', async (t) => {
  const safe = { lost: 0, gained: 0 }
  const unsafe = { lost: 60, gained: 0 }
  const index = (...thresholds: { lost: number, gained: number }[]) => certifiedIndex(
    { generations: 1000, lost: thresholds.map((x) => x.lost), gained: thresholds.map((x) => x.gained) }, 0.02, Math.log(20))
  t.equal(index(safe, safe, unsafe, unsafe), 1)
  t.equal(index(safe, unsafe, safe, safe), 0)
  t.equal(index(unsafe, safe, safe), -1, 'the safest fails: none')
  t.equal(index(safe, safe, safe), 2, 'all pass: the loosest')

  holds(t, fc.property(counts, tolerance, level, (counts, a, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    const found = certifiedIndex(counts, a, bar)
    for (let k = 0; k <= found; k++) if (!passes(counts, k, a, bar)) return false
    return found + 1 === counts.lost.length || !passes(counts, found + 1, a, bar)
  }), 2000)
})

t.test('a larger max_em_drop never raises the threshold, for any counts: no factor of E falls as a grows', async (t) => {
  holds(t, fc.property(counts, tolerance, tolerance, level, (counts, a, b, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    return certifiedIndex(counts, Math.min(a, b), bar) <= certifiedIndex(counts, Math.max(a, b), bar)
  }), 2000)
})

t.test('a stricter error_level never lowers the threshold', async (t) => {
  holds(t, fc.property(counts, tolerance, level, level, (counts, a, x, y) =>
    certifiedIndex(counts, a, Math.log(1 / Math.min(x, y))) <= certifiedIndex(counts, a, Math.log(1 / Math.max(x, y)))), 2000)
})

t.test('generationsToReach extrapolates the rates seen so far', async (t) => {
  const bar = Math.log(20)
  t.equal(generationsToReach(0.02, 0, 0, 0, bar, 20_000), 224, 'from nothing: the lossless count')
  t.equal(generationsToReach(0.02, 200, 0, 0, bar, 20_000), 24, 'what is left of it')
  t.equal(generationsToReach(0.02, 224, 0, 0, bar, 20_000), 0, 'reached')
  t.equal(generationsToReach(0.02, 1000, 60, 0, bar, 20_000), null, 'at these losses, never')
  t.equal(generationsToReach(0.02, 0, 0, 0, bar, 223), null, 'not within the limit')
  t.equal(generationsToReach(0.02, 0, 0, 0, bar, 224), 224, 'just within it')

  holds(t, fc.property(fc.integer({ min: 1, max: 2000 }), fc.nat({ max: 20 }), fc.nat({ max: 20 }), (generations, lost, gained) => {
    if (lost + gained > generations) return true
    const more = generationsToReach(0.05, generations, lost, gained, bar, 5000)
    const at = (n: number) => {
      const scale = (generations + n) / generations
      return logEvidence(0.05, lost * scale, (generations - lost - gained) * scale, gained * scale)
    }
    if (more === null) return at(5000) < bar + 1e-9
    return at(more) >= bar - 1e-9 && (more === 0 || at(more - 1) < bar + 1e-9)
  }))
})
