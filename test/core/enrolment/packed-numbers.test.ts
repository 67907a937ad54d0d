import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { countPacked, packNumbers, unpackNumbers } from '../../../src/core/enrolment/packed-numbers.js'
import { holds } from '../../property.js'

t.test('packed numbers come back to the bit', async (t) => {
  holds(t, fc.property(fc.array(fc.double()), (numbers) => {
    assert.deepEqual(unpackNumbers(packNumbers(numbers)), numbers)
  }))
})

t.test('packed numbers are counted, and any other text is rejected', async (t) => {
  t.equal(countPacked(''), 0)
  t.equal(countPacked(packNumbers([0, 0.5, 1]), 1), 3)
  t.equal(countPacked(packNumbers([3])), 1)
  for (const [text, most] of [
    [packNumbers([3]), 1], [packNumbers([-1])], [packNumbers([NaN])], ['AAAA'], ['?'], [packNumbers([0.5]).slice(0, -1)],
  ] as const) t.equal(countPacked(text, most), null, text)
})
