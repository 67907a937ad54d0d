import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/stats/certificate.js'
import { certifiedIndex, loosestPassing } from '../../../src/core/stats/certified-threshold.js'
import { differencesAt, type Evidence } from '../../../src/core/stats/evidence.js'
import { holds } from '../../property.js'
import { anyEvidence, evidenceWith } from './random-evidence.js'

const tolerance = fc.double({ min: 0.001, max: 0.5, noNaN: true })
const level = fc.double({ min: 1e-6, max: 0.5, noNaN: true })
const BAR = Math.log(20)

const losing = (...lost: number[]): Evidence => evidenceWith(1000, lost, lost.map(() => 0.5), lost.map(() => 0))

function passes (evidence: Evidence, k: number, a: number, logBar: number): boolean {
  return logEvidence(a, differencesAt(evidence, k)) >= logBar
}

t.test('certifiedIndex is the last threshold that passes before the first that fails', async (t) => {
  const index = (...lost: number[]) => certifiedIndex(losing(...lost), 0.02, BAR)
  t.equal(index(0, 0, 60, 60), 1)
  t.equal(index(0, 60, 0, 0), 0)
  t.equal(index(60, 0, 0), -1, 'the safest fails: none')
  t.equal(index(0, 0, 0), 2, 'all pass: the loosest')

  holds(t, fc.property(anyEvidence, tolerance, level, (evidence, a, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    const found = certifiedIndex(evidence, a, bar)
    for (let k = 0; k <= found; k++) if (!passes(evidence, k, a, bar)) return false
    return found + 1 === evidence.lost.length || !passes(evidence, found + 1, a, bar)
  }), 2000)
})

t.test('a larger max_em_drop never makes the threshold safer: no factor of E falls as a grows', async (t) => {
  holds(t, fc.property(anyEvidence, tolerance, tolerance, level, (evidence, a, b, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    return certifiedIndex(evidence, Math.min(a, b), bar) <= certifiedIndex(evidence, Math.max(a, b), bar)
  }), 2000)
})

t.test('a stricter error_level never makes the threshold looser', async (t) => {
  holds(t, fc.property(anyEvidence, tolerance, level, level, (evidence, a, x, y) =>
    certifiedIndex(evidence, a, Math.log(1 / Math.min(x, y))) <= certifiedIndex(evidence, a, Math.log(1 / Math.max(x, y)))), 2000)
})

t.test('the search continues from the threshold that is certified already', async (t) => {
  const loosest = (...lost: number[]) => loosestPassing((k) => passes(losing(...lost), k, 0.02, BAR), lost.length, 1)
  t.equal(loosest(60, 60, 60), 1)
  t.equal(loosest(60, 60, 0), 2)
  t.equal(loosestPassing(() => true, 30), 29, 'there are no thresholds beyond the grid')
})
