import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addEvidenceTo, addUnitTo, newSum, sumFrom } from '../../../src/core/certificate/evidence-sum.js'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { addUnit, mergeEvidence } from '../../../src/core/certificate/merge-evidence.js'
import { holds } from '../../property.js'
import { unit } from './random-traces.js'

const units = fc.array(unit, { maxLength: 8 })

t.test('units and evidence add in any grouping, and what a sum began with stays as it is', async (t) => {
  holds(t, fc.property(units, units, (some, others) => {
    const first = some.reduce(addUnit, noEvidence(3))
    const before = JSON.stringify(first)
    const sum = sumFrom(first)
    for (const one of others) addUnitTo(sum, one)
    assert.equal(JSON.stringify(first), before)
    const other = newSum(3)
    for (const one of others) addUnitTo(other, one)
    assert.deepEqual(mergeEvidence(first, other), sum)
    addEvidenceTo(other, first)
    assert.deepEqual(other, sum)
    assert.equal(sum.generations, some.length + others.length)
    const drop = [...some, ...others].reduce((all, { eighths }) => all + eighths[0]! / 8, 0)
    assert.equal(sum.lost[0]! - sum.gained[0]!, drop)
  }))
})
