import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addCompared, mergeArmSums, NO_ARM_SUMS, type ComparedUnit } from '../../../src/core/certificate/arm-sums.js'
import { holds } from '../../property.js'

t.test('units are summed by the share at which they were drawn, and by arm', async (t) => {
  const units: ComparedUnit[] = [
    { arm: 'control', share: 0.5, em: 1, tokens: 100 },
    { arm: 'treated', share: 0.5, em: 0.5, tokens: 60 },
    { arm: 'treated', share: 0.5, em: null, tokens: 40 },
    { arm: 'control', share: 0.1, em: 0, tokens: null },
  ]
  t.match(units.reduce(addCompared, NO_ARM_SUMS), [
    {
      share: 0.5,
      control: { units: 1, graded: 1, em: 1, em_squares: 1, measured: 1, tokens: 100, token_squares: 10_000 },
      treated: { units: 2, graded: 1, em: 0.5, em_squares: 0.25, measured: 2, tokens: 100, token_squares: 5200 },
    },
    { share: 0.1, control: { units: 1, graded: 1, em: 0, measured: 0, tokens: 0 }, treated: { units: 0 } },
  ])
})

t.test('sums merge in any grouping', async (t) => {
  const unit: fc.Arbitrary<ComparedUnit> = fc.record({
    arm: fc.constantFrom('control', 'treated'),
    share: fc.constantFrom(0.1, 0.5, 1),
    em: fc.constantFrom(0, 0.5, 1, null),
    tokens: fc.constantFrom(10, 20, null),
  })
  const sorted = (sums: typeof NO_ARM_SUMS) => [...sums].sort((a, b) => a.share - b.share)
  holds(t, fc.property(fc.array(unit, { maxLength: 12 }), fc.nat(12), (units, cut) => {
    const sum = (some: readonly ComparedUnit[]) => some.reduce(addCompared, NO_ARM_SUMS)
    assert.deepEqual(sorted(mergeArmSums(sum(units.slice(cut)), sum(units.slice(0, cut)))), sorted(sum(units)))
  }))
})
