import fc from 'fast-check'
import t from 'tap'
import {
  BETS, type Differences, EIGHTHS, generationsToReach, LOG_WEIGHTS, logEvidence, losslessUnits, reaches, unitsToReach,
} from '../../../src/core/stats/certificate.js'
import { holds } from '../../property.js'
import { vectors as vectorsOf } from '../../test-data.js'

interface Vectors {
  /** Pairs of bet and weight. */
  readonly bets: Array<[number, number]>
  readonly evidence: Array<{ max_em_drop: number, lost: number, kept: number, gained: number, log_evidence: number }>
  /** Units by their difference, a fraction. */
  readonly evidence_of_groups: Array<{ max_em_drop: number, histogram: Record<string, number>, log_evidence: number }>
  readonly first_certificate: Array<{ max_em_drop: number, error_level: number, lossless_generations_to_first_certificate: number }>
}

/** The weighted products without logarithms; good for counts small enough not to overflow. */
function evidenceAsWritten (a: number, lost: number, kept: number, gained: number): number {
  const product = (c: number) => {
    const nu = c / (1 - a)
    return (1 - nu * (1 - a)) ** lost * (1 + nu * a) ** kept * (1 + nu * (1 + a)) ** gained
  }
  let sum = product(0.9) / 2
  for (let i = 1; i <= 16; i++) sum += product((i - 0.5) / 16) / 32
  return sum
}

/** ln E of units that lost, kept or gained all. */
const logE = (a: number, lost: number, kept: number, gained: number) => logEvidence(a, { lost, kept, gained })

const isClose = (x: number, y: number) => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y))

const tolerance = fc.double({ min: 0.001, max: 0.5, noNaN: true })
const count = fc.nat({ max: 400 })
const fewer = fc.nat({ max: 60 })

t.test('E grows with the tolerance, whatever the differences, so a bound that is chosen later adds little', async (t) => {
  const eighths = fc.array(fc.tuple(fc.integer({ min: -7, max: 7 }).filter((part) => part !== 0), fewer), { maxLength: 4 })
  holds(t, fc.property(tolerance, tolerance, count, count, fewer, eighths, (a, b, lost, kept, gained, partial) => {
    const differences = { lost, kept, gained, partial }
    const [low, high] = [logEvidence(Math.min(a, b), differences), logEvidence(Math.max(a, b), differences)]
    return low <= high + 1e-9 * Math.max(1, Math.abs(high))
  }))
})

t.test('ln E equals the values of an independent float64 reference', async (t) => {
  for (const [a, lost, kept, gained, expected] of [
    [0.005, 0, 0, 0, 0],
    [0.005, 0, 100, 0, 0.36074767692198134],
    [0.005, 1, 300, 0, -0.4535375517421194],
    [0.005, 10, 990, 10, -0.9237812080548848],
    [0.005, 0, 0, 50, 32.01780378587281],
    [0.005, 50, 0, 0, -5.017174676357055],
    [0.005, 200, 100000, 150, 188.53861919375066],
  ] as const) t.ok(isClose(logE(a, lost, kept, gained), expected), `a=${a}: ${lost} lost, ${kept} kept, ${gained} gained`)
})

t.test('lossless generations to a first certificate at 0.05', async (t) => {
  t.equal(losslessUnits(0.01, Math.log(1 / 0.05)), 373)
  t.equal(losslessUnits(0.02, Math.log(1 / 0.05)), 186)
  t.equal(losslessUnits(0.03, Math.log(1 / 0.05)), 123)
  t.equal(losslessUnits(0.05, Math.log(1 / 0.05)), 73)
})

t.test('parity with test/data/vectors/certificate.json', async (t) => {
  const vectors: Vectors = vectorsOf('certificate')
  t.strictSame(BETS, vectors.bets.map(([bet]) => bet))
  t.ok(vectors.bets.every(([, weight], i) => isClose(LOG_WEIGHTS[i]!, Math.log(weight))))
  t.ok(vectors.evidence.length > 50)
  for (const row of vectors.evidence) {
    t.ok(isClose(logE(row.max_em_drop, row.lost, row.kept, row.gained), row.log_evidence), JSON.stringify(row))
  }
  t.ok(vectors.evidence_of_groups.length > 10)
  for (const { max_em_drop: a, histogram, log_evidence: expected } of vectors.evidence_of_groups) {
    const partial = Object.entries(histogram).map(([difference, units]) => [EIGHTHS * Number(difference), units] as const)
    t.ok(isClose(logEvidence(a, { lost: 0, kept: 0, gained: 0, partial }), expected), `groups ${JSON.stringify(histogram)}`)
  }
  for (const row of vectors.first_certificate) {
    const bar = Math.log(1 / row.error_level)
    t.equal(losslessUnits(row.max_em_drop, bar), row.lossless_generations_to_first_certificate, JSON.stringify(row))
  }
})

t.test('ln E is the logarithm of the formula', async (t) => {
  holds(t, fc.property(tolerance, count, count, count, (a, lost, kept, gained) => {
    const expected = evidenceAsWritten(a, lost, kept, gained % 50)
    return expected < 1e-300 || isClose(logE(a, lost, kept, gained % 50), Math.log(expected))
  }), 2000)
})

t.test('E is a fair bet: its expectation stays the same if the mean drop is exactly a', async (t) => {
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
    const now = logE(a, lost, kept, gained)
    const withKept = logE(a, lost, kept + 1, gained)
    return withKept > now && logE(a, lost, kept, gained + 1) > withKept && logE(a, lost + 1, kept, gained) < now
  }))
})

const groups = fc.record({
  lost: fewer,
  kept: count,
  gained: fewer,
  partial: fc.array(fc.tuple(fc.integer({ min: -8, max: 8 }), fewer), { maxLength: 5 }),
})

t.test('the log factor of a group falls in its difference, so counting it as lost never makes E larger', async (t) => {
  holds(t, fc.property(tolerance, groups, fc.integer({ min: -8, max: 7 }), (a, rest, eighths) => {
    const withUnit = (d: number) => logEvidence(a, { ...rest, partial: [...rest.partial, [d, 1]] })
    return withUnit(eighths) > withUnit(eighths + 1)
  }), 2000)
})

t.test('a unit that is lost in full counts the same as a whole and as eight eighths', async (t) => {
  holds(t, fc.property(tolerance, count, count, fewer, (a, lost, kept, gained) =>
    isClose(logE(a, lost, kept, gained), logEvidence(a, { lost: 0, kept: 0, gained: 0, partial: [[8, lost], [0, kept], [-8, gained]] }))))
})

t.test('reaches is whether ln E is at least the bar, whatever was asked before', async (t) => {
  const bar = fc.double({ min: -5, max: 40, noNaN: true })
  holds(t, fc.property(fc.array(fc.tuple(tolerance, groups, bar), { minLength: 1, maxLength: 5 }), (asked) =>
    asked.every(([a, differences, bar]) => {
      const log = logEvidence(a, differences)
      return Math.abs(log - bar) < 1e-9 || reaches(a, differences, bar) === (log >= bar)
    })), 2000)
})

t.test('generationsToReach extrapolates the rates seen so far', async (t) => {
  const bar = Math.log(20)
  const more = (kept: number, lost: number, limit = 20_000) => generationsToReach(0.02, { lost, kept, gained: 0 }, bar, limit)
  t.equal(more(0, 0), 186, 'from nothing: the lossless count')
  t.equal(more(100, 0), 86, 'what is left of it')
  t.equal(more(186, 0), 0, 'reached')
  t.equal(more(940, 60), null, 'at these losses, never')
  t.equal(more(0, 0, 185), null, 'not within the limit')
  t.equal(more(0, 0, 186), 186, 'just within it')

  const few = fc.nat({ max: 20 })
  holds(t, fc.property(fc.integer({ min: 1, max: 2000 }), few, few, few, (kept, lost, gained, halves) => {
    const seen: Differences = { lost, kept, gained, partial: [[4, halves]] }
    const total = kept + lost + gained + halves
    const more = generationsToReach(0.05, seen, bar, 5000)
    const at = (n: number) => {
      const times = (total + n) / total
      return logEvidence(0.05, { lost: lost * times, kept: kept * times, gained: gained * times, partial: [[4, halves * times]] })
    }
    if (more === null) return at(5000) < bar + 1e-9
    return at(more) >= bar - 1e-9 && (more === 0 || at(more - 1) < bar + 1e-9)
  }))
})

t.test('unitsToReach is never less than the search finds', async (t) => {
  const bar = Math.log(20)
  t.equal(unitsToReach(0.02, { lost: 0, kept: 500, gained: 0 }, bar, { lost: 0, kept: 1, gained: 0 }), 0, 'reached')
  const more = unitsToReach(0.02, { lost: 0, kept: 100, gained: 0 }, bar, { lost: 0, kept: 1, gained: 0 })
  t.ok(more >= 86 && more < 110, `${more}: the best bet alone takes little longer than all`)
  t.equal(unitsToReach(0.02, { lost: 0, kept: 100, gained: 0 }, bar, { lost: 3, kept: 97, gained: 0 }), Infinity, 'never at these losses')
  const nearly = unitsToReach(0.02, { lost: 0, kept: 160, gained: 0 }, bar, { lost: 0, kept: 1, gained: 0 })
  t.ok(nearly > 20 && nearly < 50, `${nearly}: nearly reached`)
  const few = fc.nat({ max: 20 })
  holds(t, fc.property(fc.integer({ min: 1, max: 2000 }), few, few, few, (kept, lost, gained, halves) => {
    const seen: Differences = { lost, kept, gained, partial: [[4, halves]] }
    const more = unitsToReach(0.05, seen, bar, seen)
    const exact = generationsToReach(0.05, seen, bar, 1e6)
    return more > (exact ?? 1e6) - 1
  }))
})
