import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { addUnit } from '../../../src/core/certificate/merge-evidence.js'
import { packEvidence, unpackEvidence } from '../../../src/core/certificate/packed-evidence.js'
import { holds } from '../../property.js'
import { unit } from './random-traces.js'

t.test('packed evidence comes back as it was', async (t) => {
  holds(t, fc.property(fc.array(unit, { maxLength: 3 }), (units) => {
    const evidence = units.reduce(addUnit, noEvidence(3))
    assert.deepEqual(unpackEvidence(JSON.parse(JSON.stringify(packEvidence(evidence)))), evidence)
  }))
})

t.test('lists of zeros are left out', async (t) => {
  t.match(packEvidence({ ...noEvidence(3), gained: [0, 0, 1] }), { lost: [], gained: [0, 0, 1], unprobed: [], tokens: [0, 0, 0] })
})
