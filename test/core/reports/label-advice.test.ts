import t from 'tap'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { adviseOnLabels } from '../../../src/core/reports/label-advice.js'
import { changed } from '../../changed-state.js'

const HOUR = 3_600_000
const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['model'], time: 0, name: '0-1' })
const state = changed(opened, { reports: { follow_up: { ...NO_FOLLOW_UP, labels_wanted: 10 }, updated_at: HOUR } })
const wanted = (...answers: string[]) => answers.map((answer) => ({ answer, early: [{ answer: 'other' }] }))
const graderIn = ({ command }: { command: string }) => /--grader (\w+)/.exec(command)![1]
const grader = (...answers: string[]) => graderIn(adviseOnLabels('model=q', state, wanted(...answers)))

t.test('the suggested grader fits the answers', async (t) => {
  for (const [expected, ...answers] of [
    ['number', '42', '-1,024.5', '$7', '12 %', '1e9', '3.'],
    ['math', '\\frac{1}{2}', 'x^2 + 1', '7', '(2, 3)'],
    ['json', '{"a": 1}', '[1, 2]', '```json\n{"a": 1}\n```'],
    ['tool', 'search {"q":"x"}', 'f {}\ng {"a":{"b":1}}', '[{"name": "f", "arguments": {"x": 1}}]'],
    ['exact', 'A', 'Paris', 'the Rhine'],
    ['judge', 'The capital of France is Paris, which lies on the Seine.', 'It depends:\n\n* on the weather'],
    ['judge', 'A', 'Paris', 'It is the capital of a country that has 1,000 kinds of cheese.'],
  ] as const) t.equal(grader(...answers), expected, answers.join(' | '))
  t.equal(grader(...Array.from({ length: 19 }, (_, i) => String(i)), 'I cannot say what it is.'), 'number', 'a stray answer')
})

t.test('without texts, the form of forced answers says which grader fits', async (t) => {
  const of = (name: 'boxed' | 'choice' | 'json' | 'plain') => graderIn(adviseOnLabels('model=q', changed(state, {
    probes: { form: { form: { name, suffix: '', before: '', after: '', tokens: 8 }, is_stated: false, generations: 20, tried: [], at: 0, asked: 0, equal: 0 } },
  }), []))
  t.same((['boxed', 'choice', 'json', 'plain'] as const).map(of), ['math', 'exact', 'json', 'judge'])
  t.match(adviseOnLabels('model=q', state, []), { command: /--grader judge/, judge_tokens_per_day: null })
})

t.test('the command can be pasted into a shell', async (t) => {
  t.equal(adviseOnLabels("model=q,task=it's", state, wanted('42')).command, "stopgate grade --context 'model=q,task=it'\\''s' --grader number")
  t.match(adviseOnLabels('model=q', state, wanted('Paris')).command, /--grader exact --texts FILE$/)
})

t.test('a judge reads each pair in both orders', async (t) => {
  // 240 labels a day, two early answers each, asked twice: 120 tokens of instructions, and 400 characters.
  const texts = [{ prompt: 'p'.repeat(200), answer: 'a'.repeat(100), early: [{ answer: 'b'.repeat(100) }, { answer: 'c'.repeat(100) }] }]
  t.equal(adviseOnLabels('model=q', state, texts).judge_tokens_per_day, 240 * 2 * 2 * (120 + 100))
  t.equal(adviseOnLabels('model=q', changed(state, { reports: { updated_at: 0 } }), texts).judge_tokens_per_day, null)
  t.equal(adviseOnLabels('model=q', state, [{ answer: 'a', early: [] }]).judge_tokens_per_day, null, 'only digests are known of its early answers')
})
