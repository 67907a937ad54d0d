import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { decodeSteps, encodeStep } from '../../src/store/step-records/record-kind.js'
import { holds } from '../property.js'
import { anyStep } from './fixtures.js'

t.test('a step without extras is short', async (t) => {
  t.equal(encodeStep({ tokens: 512, confidence: 0.97 }), '[512,0.97]')
  t.equal(encodeStep({ tokens: 512, confidence: null, em: 0 }), '[512,null,0]')
  t.equal(encodeStep({ tokens: 512, confidence: 0.5, signals: { x: 1 } }), '[512,0.5,null,null,{"x":1}]')
})

t.test('encoded steps are decoded unchanged', async (t) => {
  holds(t, fc.property(fc.array(anyStep), (steps) => {
    assert.deepEqual(steps.map(encodeStep).flatMap(decodeSteps), steps)
    assert.deepEqual(decodeSteps(steps.map(encodeStep).join()), steps)
  }))
})

t.test('damaged steps are left out, and the others are read', async (t) => {
  const whole = { tokens: 64, confidence: 0.5 }
  for (const damaged of ['{}', '7', 'null', '[]', '["32",0.5]', '[32,"0.5"]', '[32,0.5,2]', '[32,0.5,null,1]', '[32,0.5,null,null,{"x":null}]', '[32]']) {
    t.same(decodeSteps(`${damaged},[64,0.5]`), [whole], damaged)
  }
  for (const cut of ['[32,0.', '', ']', '[64,0.5],[']) t.same(decodeSteps(cut), [], cut)
})
