import t from 'tap'
import { noEvidence } from '../../src/core/certificate/evidence.js'
import { check } from '../../src/store/encoding/stored-schemas.js'
import { evidence, isOfGrid, isState } from '../../src/store/encoding/context-schemas.js'

// unreadable-state.test.ts tests what makes a state unreadable.

t.test('evidence has lists of numbers, of which some may be empty, and belongs to a grid of their length', async (t) => {
  const isEvidence = check(evidence)
  const sums = noEvidence(30)
  t.ok(isEvidence(sums) && isOfGrid(sums, 30))
  t.ok(isEvidence({ ...sums, lost: [] }) && isOfGrid({ ...sums, lost: [] }, 30))
  t.notOk(isOfGrid(sums, 60))
  t.notOk(isOfGrid({ ...sums, tokens: [] }, 30))
  t.notOk(isEvidence({ ...sums, lost: ['x'] }))
})

t.test('a value without the fields of a state is rejected', async (t) => {
  for (const odd of [null, 7, 'x', [], {}]) t.notOk(isState(odd), JSON.stringify(odd))
})
