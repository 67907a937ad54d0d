import t from 'tap'
import { observeStop } from '../../../src/core/outcome/observed-stop.js'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'

/** The observation of a stop under each label. */
function observed (outcome: Partial<ReportedOutcome>, mayLabelCome = true) {
  const entry = gradeOutcome('salt', { generation_id: 'g', tokens: 100, stopped: true, ...outcome })
  return [observeStop(entry, 'exact_match', mayLabelCome), observeStop(entry, 'agreement', mayLabelCome)]
}

t.test('equal answers make no difference, whatever the label says', async (t) => {
  const same = { isEqual: true, difference: 0 }
  t.same(observed({ answer: '42', stopped_probe: { tokens: 80, answer: ' 42.' } }), [same, same])
  t.same(observed({ answer: '41', reference: '42', stopped_probe: { tokens: 80, answer: '41' } }), [same, same])
})

t.test('two empty answers do not agree, so only a label shows that nothing was lost', async (t) => {
  const stop = { answer: '', stopped_probe: { tokens: 80, answer: ' ' } }
  t.same(observed(stop), [{ isEqual: false, difference: null }, { isEqual: false, difference: 1 }])
  t.same(observed({ ...stop, reference: '42' })[0], { isEqual: false, difference: 0 })
})

t.test('with a label the difference is that of the two EMs; under agreement any difference is lost', async (t) => {
  const probe = (answer: string) => ({ tokens: 80, answer })
  const lost = { isEqual: false, difference: 1 }
  t.same(observed({ answer: '41', reference: '42', stopped_probe: probe('42') }), [lost, lost])
  t.same(observed({ answer: '42', reference: '42', stopped_probe: probe('41') }), [{ isEqual: false, difference: -1 }, lost])
  t.same(observed({ answer: '40', reference: '42', stopped_probe: probe('41') }), [{ isEqual: false, difference: 0 }, lost])
  t.same(observed({ em: 0, stopped_probe: { tokens: 80, em: 1 } }), [{ isEqual: false, difference: 1 }, null], 'em alone shows nothing under agreement')
})

t.test('a difference without a label waits for one, and counts as lost if none can come', async (t) => {
  const stop = { answer: '41', stopped_probe: { tokens: 80, answer: '42' } }
  t.same(observed(stop)[0], { isEqual: false, difference: null })
  t.same(observed(stop, false)[0], { isEqual: false, difference: 1 })
})

t.test('where only the served answer is graded, the probe counts as right', async (t) => {
  const stop = { answer: '41', stopped_probe: { tokens: 80, answer: '42' } }
  t.same(observed({ ...stop, em: 1 })[0], { isEqual: false, difference: 0 })
  t.same(observed({ ...stop, em: 0 })[0], { isEqual: false, difference: 1 })
})

t.test('a stop without its probe, or without answers to compare, shows nothing', async (t) => {
  t.same(observed({ em: 1 }), [null, null])
  t.same(observed({ em: 1, stopped_probe: { tokens: 80 } }), [null, null])
})
