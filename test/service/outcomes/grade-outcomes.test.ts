import t from 'tap'
import { uniform } from '../../../src/core/decide/arm.js'
import { scopedId } from '../../../src/service/access/context-access.js'
import { gradeOutcomes } from '../../../src/service/outcomes/grade-outcomes.js'

const OUTCOME = { generation_id: 'g', arm: 'control', context: { model: 'q', task: 'x' }, tokens: 50, em: 1 } as const

t.test('ids are scoped to a tenant, but arms and groups are drawn from the ids as sent', async (t) => {
  const caller = { tokenName: 'w', tokenPrefix: 'model=q' }
  const graded = await gradeOutcomes('salt', [OUTCOME, { ...OUTCOME, group_id: 'prompt-1', sample_index: 0 }], caller)
  t.match(graded.map(({ generation_id: id, u, by }) => [id, u, by]), ['g', 'prompt-1'].map((drawn) => [scopedId(caller, 'g'), uniform('salt', drawn), 'w']))
})

t.test('other work gets its turn while long answers are normalised', async (t) => {
  let turns = 0
  let immediate = setImmediate(function turn () { turns++; immediate = setImmediate(turn) })
  t.teardown(() => { clearImmediate(immediate) })
  const steps = Array.from({ length: 64 }, (_, i) => ({ tokens: i + 1, confidence: 0.9, answer: `${i},`.repeat(1024) }))
  const { em: _, ...outcome } = OUTCOME
  const [graded] = await gradeOutcomes('salt', [{ ...outcome, tokens: 64, answer: '1', reference: '1', steps }])
  t.equal(graded!.steps?.length, 64)
  t.ok(turns >= 8, `${turns} turns`)
})
