import t from 'tap'
import { DrawBounds } from '../../../src/core/enrolment/draw-bounds.js'

t.test('the smallest cutoff and the largest share hold while they last', async (t) => {
  const bounds = new DrawBounds()
  t.equal(bounds.cutoff(0), Infinity)
  t.equal(bounds.widestShare(0.1, 0), 0.1)
  bounds.addCutoff({ value: 0.3, until: 10 }, 0)
  bounds.addCutoff({ value: 0.5, until: 20 }, 5)
  t.strictSame([9, 10, 20].map((clock) => bounds.cutoff(clock)), [0.3, 0.5, Infinity])
  bounds.addShare({ value: 0.4, until: 10 }, 0)
  bounds.addShare({ value: 0.2, until: 20 }, 5)
  t.strictSame([9, 10, 20].map((clock) => bounds.widestShare(0.1, clock)), [0.4, 0.2, 0.1])
  t.equal(bounds.widestShare(0.6, 9), 0.6)
  const copy = new DrawBounds(JSON.parse(JSON.stringify(bounds.store())))
  t.strictSame([copy.cutoff(9), copy.widestShare(0.1, 10)], [0.3, 0.2])
})

t.test('only bounds that may still decide are kept', async (t) => {
  const bounds = new DrawBounds()
  for (let clock = 0; clock < 50; clock++) {
    bounds.addCutoff({ value: 0.5, until: clock + 100 }, clock)
    bounds.addShare({ value: 0.5, until: clock + 100 }, clock)
  }
  t.match(bounds.store(), { cutoffs: { length: 1 }, shares: { length: 1 } })
  bounds.addCutoff({ value: 0.6, until: 200 }, 50)
  t.equal(bounds.store().cutoffs.length, 2)
  bounds.addCutoff({ value: 0.1, until: 300 }, 150)
  t.strictSame(bounds.store().cutoffs, [{ value: 0.1, until: 300 }], 'one that lasts longer and cuts off more replaces the others')
})
