import t from 'tap'
import { ScalarGroups } from '../../../src/cli/import-run/scalar-groups.js'

const event = (step: number, tag: string, value: number) => ({ wallTime: 1, step, scalars: [{ tag, value }] })
const EM = 'eval/gsm8k/exact_match'

t.test('scalars of a checkpoint are grouped, even if others come in between', async (t) => {
  const groups = new ScalarGroups('f')
  t.same(groups.add(event(1, EM, 0.5)), [])
  t.same(groups.add(event(1, 'train/loss', 3)), [])
  t.same(groups.add(event(1, 'eval/a/b/exact_match', 0.1)), [], 'a suite with a slash')
  t.same(groups.add(event(1, 'eval/gsm8k/tokens_mean', 100)), [])
  t.match(groups.add(event(2, EM, 0.6)), [{ place: 'f: step 1 of gsm8k', draft: { suite: 'gsm8k', step: 1, em: 0.5, tokens_mean: 100, at: '1970-01-01T00:00:01.000Z' } }])
  t.match(groups.flush(), [{ draft: { suite: 'a/b', step: 1, em: 0.1 } }, { draft: { suite: 'gsm8k', step: 2, em: 0.6 } }])
  t.same(groups.flush(), [])
})

t.test('a checkpoint with all fields of the one before is complete', async (t) => {
  const groups = new ScalarGroups('f')
  const TOKENS = 'eval/gsm8k/tokens_mean'
  for (const tag of [EM, TOKENS]) groups.add(event(1, tag, 0.5))
  t.same(groups.flushUsual(), [], 'the first checkpoint has none to compare with')
  groups.add(event(2, EM, 0.5))
  t.same(groups.flushUsual(), [])
  groups.add(event(2, TOKENS, 5))
  t.match(groups.flushUsual(), [{ draft: { step: 2, em: 0.5, tokens_mean: 5 } }])
})

t.test('a repeated step is another checkpoint', async (t) => {
  const groups = new ScalarGroups('f')
  groups.add(event(1, EM, 0.5))
  t.match(groups.add(event(1, EM, 0.6)), [{ draft: { em: 0.5 } }])
  t.match(groups.flush(), [{ draft: { em: 0.6 } }])
})

t.test('figures without EM are not a checkpoint', async (t) => {
  const groups = new ScalarGroups('f')
  groups.add(event(1, 'eval/gsm8k/tokens_mean', 5))
  groups.add(event(1, EM, NaN))
  t.same(groups.flush(), [])
})

t.test('other tags are ignored', async (t) => {
  const groups = new ScalarGroups('f')
  for (const name of ['exact_match', 'constructor', '__proto__', 'loss']) groups.add(event(1, `eval/gsm8k/${name}`, 1))
  t.strictSame(groups.flush().map(({ draft }) => draft), [{ at: '1970-01-01T00:00:01.000Z', suite: 'gsm8k', step: 1, em: 1 }])
})

t.test('an invalid wall time is left out', async (t) => {
  for (const wallTime of [NaN, 1e300, 253402300800]) {
    const groups = new ScalarGroups('f')
    groups.add({ ...event(1, EM, 1), wallTime })
    t.notOk('at' in groups.flush()[0]!.draft!, String(wallTime))
  }
})

t.test('a suite is remembered for its step only, and a length without a suite counts for all suites of its step', async (t) => {
  const groups = new ScalarGroups('f', { suite: 'all', tokensMetric: 'response_length/mean' })
  const all = [event(1, 'eval/gsm8k_runtime', 1), event(1, 'eval/rewards/exact_match/mean', 0.5), event(1, 'response_length/mean', 7), event(2, 'eval/rewards/exact_match/mean', 0.25), event(2, 'response_length/mean', 8)].map((one) => groups.add(one))
  t.match([...all.flat(), ...groups.flush()].map(({ draft }) => draft), [{ suite: 'gsm8k', step: 1, em: 0.5, tokens_mean: 7 }, { suite: 'all', step: 2, em: 0.25, tokens_mean: 8 }])
  t.equal(groups.tags(), 'its tags are eval/gsm8k_runtime, eval/rewards/exact_match/mean, response_length/mean')
  t.equal(new ScalarGroups('f').tags(), null)
})
