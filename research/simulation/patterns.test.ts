import t from 'tap'
import { numRuns } from '../../test/property.js'
import { binomialBound } from '../../test/simulation/binomial-bound.js'
import { certifiedOf, isTooOften, type Certified } from '../../test/simulation/enrolment.js'
import { ARRIVALS, FOOLED, KNOWN_FALSE, MISSING, PATTERNS, type Pattern } from './patterns.js'

// A small run of what `npm run simulations arrivals` prints. False certificates may not be more frequent than the level allows, tested at
// 99.9 %: for a single pattern that is a weak bound, for all patterns together a sharp one.

const LEVEL = 0.05

/** Plays five minutes of traffic, since most false certificates come early. Each pattern has its own draws. */
function falselyCertified (pattern: Pattern, drop: number, runs: number): Certified {
  const short: Pattern = { ...pattern, traffic: (random, drop) => pattern.traffic(random, drop).filter(({ start }) => start < 300) }
  return certifiedOf(short, drop, runs, 1000 * (PATTERNS.indexOf(pattern) + 1))
}

for (const pattern of FOOLED) {
  t.test(`${pattern.name}: nothing is certified falsely`, async (t) => {
    for (const [drop, runs] of [[0.0205, 4], [0.04, 2]] as const) {
      const found = falselyCertified(pattern, drop, runs)
      t.notOk(isTooOften(found, LEVEL), `drop ${100 * drop} points: ${found.certified} of ${found.runs}`)
    }
  })
}

for (const [title, patterns] of [['other arrivals', ARRIVALS], ['missing and late outcomes, labels and steps', MISSING]] as const) {
  t.test(`${title}: certified falsely no more often than the level allows`, async (t) => {
    for (const [drop, runs] of [[0.0205, numRuns(1, 2)], [0.04, 1]] as const) {
      let certified = 0
      for (const pattern of patterns) {
        const found = falselyCertified(pattern, drop, runs)
        t.notOk(isTooOften(found, LEVEL), `${pattern.name}, drop ${100 * drop} points: ${found.certified} of ${found.runs}`)
        certified += found.certified
      }
      const all = runs * patterns.length
      t.ok(certified <= binomialBound(all, LEVEL), `drop ${100 * drop} points, all patterns: ${certified} of ${all}`)
    }
  })
}

t.test('traffic that is easy at first is certified falsely, as the documentation warns', async (t) => {
  const [trend] = KNOWN_FALSE as [Pattern]
  t.equal(certifiedOf(trend, 0.04, 2).certified, 2, `${trend.name}: certified by its easy half`)
})
