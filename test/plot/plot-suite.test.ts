import t from 'tap'
import { describeSeries } from '../../src/core/training/describe-series.js'
import type { Series } from '../../src/core/training/run.js'
import { plotSuite } from '../../src/plot/plot-suite.js'
import { addReports } from '../../src/core/training/add-reports.js'

function seriesOf (count: number, at: (i: number) => { em: number, tokens_mean: number, threshold?: number }, suite = 'gsm8k'): Series {
  const reports = Array.from({ length: count }, (_, i) => ({ checkpoint: { step: 250 * i, suite, n: 1319, ...at(i) }, key: null }))
  return addReports(null, new Map(), reports, 0).series.get(suite)!
}

const plot = (series: Series, run = 'q-rl-7', last = 200) => plotSuite(run, describeSeries(series, { max_em_drop: 0.02, em_per_token_percent: null }, last))
const overthinking = (i: number) => ({ em: i < 8 ? 0.5 + 0.02 * i : 0.66 - 0.01 * (i - 8), tokens_mean: 1000 * 1.05 ** Math.max(0, i - 8) })

t.test('the plot shows EM and tokens, the newest figures, the verdicts, and the step where EM or tokens began to fall', async (t) => {
  const picture = plot(seriesOf(20, overthinking))
  t.match(picture, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 900 612"/)
  t.match(picture, '>q-rl-7 · gsm8k</text>')
  t.match(picture, />step 4,750: EM 55\.0 % \(52\.3 to 57\.7\), 1,710 tokens; verdicts: overthinking/)
  t.match(picture, '>Exact Match (%)</text>')
  t.match(picture, '>EM fell from step 2,250 on</text>')
  t.match(plot(seriesOf(10, (i) => ({ em: 0.7, tokens_mean: i < 8 ? 1000 : 600 }))), '>tokens fell from step 1,500 on</text>')
  t.notMatch(plot(seriesOf(20, overthinking), 'r', 5), 'EM fell from', 'a turn that is not shown')
  t.notMatch(plot(seriesOf(9, overthinking)), 'fell from')
})

t.test('one checkpoint, EM of 0 and 1, and a thousand checkpoints give finite coordinates and a small picture', async (t) => {
  for (const [count, em] of [[1, 0], [1, 1], [2, 0.5], [15, 1], [1000, 0.3]] as const) {
    const picture = plot(seriesOf(count, () => ({ em, tokens_mean: 0 })), 'r', 1000)
    t.notMatch(picture, /NaN|Infinity|undefined|null/, `${count} of ${em}`)
    t.ok(picture.length < 120_000)
  }
})

t.test('evaluations under another threshold are left out, and the plot states it', async (t) => {
  const early = (i: number) => ({ em: 0.7, tokens_mean: 1000, ...(i % 2 === 1 && { threshold: 0.9 }) })
  const half = seriesOf(10, early)
  t.match(plot(half), /; threshold 0\.9, 5 steps evaluated under others left out</)
  t.match(plot(seriesOf(9, early)), /; in full, 4 steps evaluated/)
  t.match(plot(seriesOf(3, () => early(1))), /points; threshold 0\.9</)
  const points = half.points.map(({ step, attempts: [one] }) => {
    const stopped = { ...one!, checkpoint: { ...one!.checkpoint, threshold: 0.9 } }
    return { step, attempts: [stopped, one!] }
  })
  t.notMatch(plot({ ...half, points }), /left out/, 'an earlier attempt will do')
})

t.test('names are escaped', async (t) => {
  const tags = (picture: string) => picture.match(/<[^>]*/g)!.map((tag) => tag.split(' ')[0])
  const hostile = plot(seriesOf(3, overthinking, '"><script>alert(1)</script>'), '</text><svg onload="alert(1)">\u0001 ' + 'x'.repeat(90))
  t.same(tags(hostile), tags(plot(seriesOf(3, overthinking))))
  t.match(hostile, '>&lt;/text&gt;&lt;svg onload=&quot;alert(1)&quot;&gt;\ufffd xxx')
})
