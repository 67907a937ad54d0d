import t from 'tap'
import { axisOf } from '../../src/plot/axis.js'
import { drawPanel, numberOf, type Mark } from '../../src/plot/panel.js'

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
