import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { holds } from '../property.js'
import { batchOf } from './batch-of.js'
import { anyStep, recordsIn } from './fixtures.js'

t.test('steps are read from a batch unchanged', async (t) => {
  holds(t, fc.property(fc.array(fc.tuple(fc.string(), fc.array(anyStep))), (records) => {
    assert.deepEqual([...recordsIn(batchOf(new Map(records)))], [...new Map(records)])
  }))
})

t.test('digests and signals are kept beside the columns', async (t) => {
  const { beside } = batchOf(new Map([['a', [{ tokens: 1, confidence: null, em: 0 }, { tokens: 2, confidence: 0.5, signals: {} }]]]))
  t.same([...beside.keys()], [1])
})
