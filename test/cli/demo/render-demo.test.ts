import t from 'tap'
import { NOTHING } from '../../../src/cli/demo/demo-score.js'
import { renderEvent, renderSummary } from '../../../src/cli/demo/render-demo.js'

const score = { generations: 2000, control: 1000, treated: 1000, fullTokens: 200, tokens: 150, lost: 12 }
const changed = (change: { cause: 'evidence' | 'drift', before: number | null, after: number | null }) =>
  renderEvent({ type: 'changed', change: { key: 'model=m', ...change }, generations: 1234 }, 65.9)

t.test('events are told in a line each, with the time', async (t) => {
  t.equal(renderEvent({ type: 'progress', score }, 5), '  0:05  2,000 generations, 25.0 % of the tokens saved\n')
  t.equal(changed({ cause: 'evidence', before: null, after: 0.98 }), '  1:05  model=m: certified after 1,234 generations: stop at a score of 0.9800\n')
  t.match(changed({ cause: 'evidence', before: 0.98, after: 0.97 }), 'looser, stop at 0.9700')
  t.match(changed({ cause: 'evidence', before: 0.97, after: 0.98 }), 'stricter')
  t.match(changed({ cause: 'evidence', before: 0.97, after: null }), 'withdrawn (evidence)')
  t.match(changed({ cause: 'drift', before: 0.97, after: null }), 'ALARM (drift)')
  t.match(renderEvent({ type: 'exchanged', key: 'model=m' }, 0), 'the model is exchanged')
})

t.test('the summary has a row for each part that was reached, and compares the true EM drop with the bound', async (t) => {
  const first = { learning: { ...score, treated: 29 }, certified: score, drifted: score, relearning: NOTHING, recertified: score }
  const whole = renderSummary({ first, total: score, certifiedSeconds: 7.4, part: 'recertified' }, 'model=m', 0.02)
  t.match(whole, /certified again +2,000 +1,000 +25\.0 % +1\.20 points/)
  t.match(whole, /until the first certificate .* -\n/, 'of so few treated generations an EM drop says nothing')
  t.match(whole, 'First certificate of model=m: after 2,000 generations, 7 s.')
  t.match(whole, 'Under a certificate: true EM drop 1.20 points, allowed 2.00 points.')
  t.match(whole, 'found after 2,000 generations, 1,000 of them control.')
  const short = renderSummary({ first: { ...first, certified: NOTHING, recertified: NOTHING }, total: score, certifiedSeconds: Infinity, part: 'learning' }, 'model=m', 0.02)
  t.notMatch(short, /certified again|First certificate|Under a certificate|found after/)
})
