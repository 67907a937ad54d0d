import fc from 'fast-check'
import t from 'tap'
import { addReports } from '../../../src/core/training-runs/add-reports.js'
import type { Series } from '../../../src/core/training-runs/run.js'
import { describeSeries } from '../../../src/core/training-runs/series.js'
import {
  axisOf, drawPanel, escapeXml, type Mark, numberOf, place, plotSuite, shortened, textElement,
} from '../../../src/service/training-runs/plot.js'
import { holds } from '../../property.js'

t.test('ticks are round values, and the ends are ticks or the extreme values', async (t) => {
  const em = axisOf([40.2, 70.7], 300, 100, { atLeast: 5, marks: 5 })
  t.same(em.ticks, [40, 50, 60, 70, 80])
  t.same([em.at(40), em.at(80), em.at(60)], [300, 100, 200])
  const steps = axisOf([250, 7500], 0, 100, { atLeast: 10, marks: 9, isTight: true })
  t.same(steps.ticks, [1000, 2000, 3000, 4000, 5000, 6000, 7000])
  t.same([steps.at(250), steps.at(7500)], [0, 100])
  t.same(axisOf([0.1, 0.3], 0, 1, { atLeast: 0.1, marks: 2 }).ticks, [0.1, 0.2, 0.3], 'no 0.30000000000000004')
})

t.test('a single value has room around it, but not below 0', async (t) => {
  const one = axisOf([250], 0, 100, { atLeast: 10, marks: 5, isTight: true })
  t.same(one.ticks, [250], 'there is only one step')
  t.equal(one.at(250), 50)
  t.same(axisOf([0], 0, 100, { atLeast: 5, marks: 5 }).ticks[0], 0)
  t.same(axisOf([3, 5], 0, 100, { atLeast: 1, marks: 50, isTight: true }).ticks, [3, 4, 5], 'steps are integers')
})

t.test('every value lies between the ends, and order is preserved', async (t) => {
  const values = fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }), { minLength: 1, maxLength: 20 })
  holds(t, fc.property(values, fc.boolean(), (some, isTight) => {
    const { ticks, at } = axisOf(some, 0, 100, { atLeast: 5, marks: 6, isTight })
    const places = some.toSorted((a, b) => a - b).map(at)
    return ticks.length <= 20 && places.every((place, i) => place > -1e-6 && place < 100 + 1e-6 && (i === 0 || place >= places[i - 1]!))
  }))
})

const mark = (step: number, value: number, more: Partial<Mark> = {}): Mark =>
  ({ step, value, low: null, high: null, isReplay: false, ...more })
const x = axisOf([0, 100], 100, 200, { atLeast: 1, marks: 5, isTight: true })
const y = axisOf([0, 100], 300, 200, { atLeast: 1, marks: 5 })
const draw = (marks: Mark[], forecast: Mark[] = []) => drawPanel({ title: 'EM', colour: '#123456', marks, forecast }, x, y)

t.test('marks are drawn with their intervals, and replayed ones are hollow', async (t) => {
  const drawn = draw([mark(0, 50, { low: 40, high: 60 }), mark(50, 70, { isReplay: true })])
  t.match(drawn, '<path d="M100 260V240" stroke="#123456" stroke-opacity')
  t.match(drawn, '<path d="M100 250L150 230" fill="none"')
  t.match(drawn, '<path d="M100 250h0M150 230h0" stroke="#123456" stroke-width="6"')
  t.match(drawn, '<path d="M150 230h0" stroke="#fff" stroke-width="3"')
  t.notMatch(drawn, 'stroke-dasharray')
  t.match(drawn, /text-anchor="end">80</)
  t.match(draw(Array.from({ length: 121 }, (_, i) => mark(i, 1))), 'stroke-width="2.5"', 'many marks are drawn small')
})

t.test('a forecast continues the last mark, shaded where its interval is known', async (t) => {
  const drawn = draw([mark(0, 50)], [mark(50, 60, { low: 50, high: 70 }), mark(100, 70)])
  t.match(drawn, '<path d="M100 250L150 240L200 230" fill="none" stroke="#123456" stroke-dasharray="5 4"/>')
  t.match(drawn, '<path d="M100 250L150 230L150 250Z" fill="#123456" fill-opacity="0.18"/>')
  t.notMatch(draw([mark(0, 50)], [mark(50, 60)]), 'fill-opacity')
  t.equal(numberOf(1234567.5), '1,234,567.5')
  const large = drawPanel({ title: 'EM', colour: '#123456', marks: [], forecast: [] }, axisOf([0, 9e15], 100, 200, { atLeast: 1, marks: 5, isTight: true }), y)
  t.match(large, '>4000T</text>', 'short enough for a tick label')
})

function seriesOf (count: number, at: (i: number) => { em: number, tokens_mean: number, threshold?: number }, suite = 'gsm8k'): Series {
  const reports = Array.from({ length: count }, (_, i) => ({ checkpoint: { step: 250 * i, suite, n: 1319, ...at(i) }, key: null }))
  return addReports(null, new Map(), reports, 0).series.get(suite)!
}

const plot = (series: Series, run = 'q-rl-7', last = 200) => plotSuite(run, describeSeries(series, { max_em_drop: 0.02 }, last))
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

t.test('the plot states that the newest figures are estimates', async (t) => {
  const full = () => ({ em: 0.7, tokens_mean: 1000 })
  t.match(plot(seriesOf(3, () => ({ ...full(), em_estimate_low: 0.68, em_estimate_high: 0.72 }))), /: estimated EM 70\.0 %/)
  t.match(plot(seriesOf(3, full)), /: EM 70\.0 %/)
})

t.test('names are escaped', async (t) => {
  const tags = (picture: string) => picture.match(/<[^>]*/g)!.map((tag) => tag.split(' ')[0])
  const hostile = plot(seriesOf(3, overthinking, '"><script>alert(1)</script>'), '</text><svg onload="alert(1)">\u0001 ' + 'x'.repeat(90))
  t.same(tags(hostile), tags(plot(seriesOf(3, overthinking))))
  t.match(hostile, '>&lt;/text&gt;&lt;svg onload=&quot;alert(1)&quot;&gt;\ufffd xxx')
})

t.test('any text gives well-formed XML', async (t) => {
  t.equal(textElement(1.04, 2, '<script>"a" & \'b\'\0\u0001</script>'), '<text x="1" y="2">&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\ufffd\ufffd&lt;/script&gt;</text>')
  t.equal(escapeXml('\ud800é🙂\uffff'), '\ufffdé🙂\ufffd')
  // eslint-disable-next-line no-control-regex -- what XML 1.0 has not
  holds(t, fc.property(fc.string({ unit: 'binary' }), (any) => !/[<>"']|&(?!(amp|lt|gt|quot|#39);)|[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(escapeXml(any))))
})

t.test('a long text is cut between characters', async (t) => {
  t.equal(shortened('🙂🙂🙂', 3), '🙂🙂🙂')
  t.equal(shortened('🙂🙂🙂🙂', 3), '🙂🙂…')
  t.equal(place(1.26), 1.3)
})
