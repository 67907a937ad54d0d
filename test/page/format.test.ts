import t from 'tap'
import {
  ago, count, counted, decimals, duration, NONE, percent, points, short, spread, threshold, words,
} from '../../src/page/format.js'

const plain = (text: string) => text.replaceAll('\u00a0', ' ')

t.test('figures are short, with a real minus sign and no minus before zero', async (t) => {
  t.equal(count(12_345.6), '12,346')
  t.same([0, 1, 2000].map((number) => counted(number, 'pin')), ['0 pins', '1 pin', '2,000 pins'])
  t.equal(short(9999), '9,999')
  t.equal(short(-12_345), '−12.3K')
  t.equal(short(5_210_400), '5.21M')
  t.equal(spread([-500, 12_345]), '−500 to 12.3K; ')
  t.equal(spread([null, null]), '', 'no estimate yet')
  t.equal(plain(percent(0.2371)), '23.7 %')
  t.equal(plain(points(-0.00001)), '0.00 pt')
  t.equal(plain(points(-0.0123)), '−1.23 pt')
  t.equal(decimals(-3.456, 1), '−3.5')
})

t.test('a missing value is a dash; no threshold means never', async (t) => {
  for (const render of [count, short, percent, points, decimals, duration]) t.equal(render(null), NONE)
  t.equal(percent(NaN), NONE)
  t.equal(threshold(null), 'never stop')
  t.equal(threshold(0.98), '0.98')
  t.equal(threshold(0.99416443), '0.9942')
  t.equal(threshold(1), '1')
})

t.test('times are shown in their largest unit', async (t) => {
  t.equal(plain(duration(59)), '59 s')
  t.equal(plain(duration(90)), '2 min')
  t.equal(plain(duration(7200)), '2 h')
  t.equal(plain(duration(200_000)), '2 d')
  const now = Date.parse('2026-01-01T10:00:00Z')
  t.equal(plain(ago('2026-01-01T09:58:00Z', now)), '2 min ago')
  t.equal(ago('2026-01-01T10:00:00Z', now), 'just now')
  t.equal(ago(null, now), NONE)
  t.equal(words('drift_suspected'), 'drift suspected')
})
