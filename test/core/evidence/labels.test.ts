import fc from 'fast-check'
import t from 'tap'
import { EIGHTHS } from '../../../src/core/stats/certificate.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { addLabelled, addUnlabelled, areLabelsSpared, labelReach, type LabelLosses } from '../../../src/core/evidence/labels.js'
import { ALL_LABELS } from '../../../src/core/decide/rule.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { policyWith } from '../learn/memory-fold.js'

const A = 0.02

/** A unit that loses from a threshold on. */
const lostFrom = (k: number) => ({ eighths: GRID.map((_, i) => i >= k ? EIGHTHS : 0) })

function losses (samples: number, labelled: ReadonlyArray<readonly [from: number, times: number]>): LabelLosses {
  let known: LabelLosses | undefined
  for (let i = 0; i < samples; i++) known = addUnlabelled(known)
  for (const [from, times] of labelled) for (let i = 0; i < times; i++) known = addLabelled(known, lostFrom(from))
  return known!
}

t.test('labels are requested for all thresholds until some are hopeless', async (t) => {
  t.equal(labelReach(losses(1, []), A), ALL_LABELS)
  t.equal(labelReach(losses(20, [[20, 4]]), A), ALL_LABELS, 'four losses may be bad luck')
  t.equal(labelReach(losses(20, [[20, 5]]), A), 19)
})

t.test('no label is requested where even the safest threshold is hopeless', async (t) => {
  t.equal(labelReach(losses(40, [[0, 20]]), A), -1)
})

t.test('gains count against losses, and both make the estimate less certain', async (t) => {
  const withGains = (lost: number, gained: number) => {
    let known = losses(100, [[10, lost]])
    for (let i = 0; i < gained; i++) known = addLabelled(known, { eighths: lostFrom(10).eighths.map((d) => -d) })
    return labelReach(known, A)
  }
  t.equal(withGains(40, 40), ALL_LABELS)
  t.equal(withGains(40, 26), ALL_LABELS, '14 net losses may be chance where 66 answers change')
  t.equal(withGains(14, 0), 9)
})

t.test('a hopeless threshold is tried again after some hundreds of samples', async (t) => {
  let known = losses(100, [[10, 100]])
  let samples = 0
  while (labelReach(known, A) < ALL_LABELS) {
    known = addUnlabelled(known)
    samples++
  }
  t.ok(samples > 500 && samples < 2500, `${samples}`)
})

t.test('the counts stay bounded', async (t) => {
  const { reported, lost } = losses(10_000, [[3, 1]])
  t.ok(reported < 512 && reported >= 256)
  t.equal(lost[2], 0)
})

// Labels are asked for a part of the samples that falls with the loss at the thresholds that matter, whatever the looser ones lose.
t.test('most labels are spared where loose thresholds lose much, and none that a good threshold needs', async (t) => {
  const random = mulberry32(7)
  let known: LabelLosses | undefined
  let [asked, needed, missed] = [0, 0, 0]
  for (let i = 0; i < 20_000; i++) {
    const reach = known === undefined ? ALL_LABELS : labelReach(known, A)
    const u = random()
    const from = u < 0.005 ? 5 : u < 0.04 ? 15 : u < 0.9 ? 20 : GRID.length // answers that differ from this threshold on are lost
    known = addUnlabelled(known)
    if (from === GRID.length) continue
    needed++
    if (from <= reach) {
      asked++
      known = addLabelled(known, lostFrom(from))
    } else if (from < 15) missed++
  }
  t.equal(missed, 0)
  t.ok(asked / needed < 0.12, `${asked} of ${needed}`)
})

t.test('the reach is a place on the grid, and a loss never widens it', async (t) => {
  holds(t, fc.property(fc.array(fc.nat(GRID.length), { maxLength: 200 }), fc.nat(GRID.length - 1), (froms, more) => {
    const known = losses(250, froms.map((from) => [from, 1] as const))
    const reach = labelReach(known, A)
    return Number.isInteger(reach) && reach >= -1 && reach <= ALL_LABELS && labelReach(addLabelled(known, lostFrom(more)), A) <= reach
  }))
})

t.test('all labels are requested where a predictor is the score', async (t) => {
  t.ok(areLabelsSpared(policyWith(), { judge: 1 }))
  t.notOk(areLabelsSpared(policyWith(), undefined), 'no grader has stated its name')
  for (const patch of [{ score: 'p' }, { label: 'agreement' }] as const) t.notOk(areLabelsSpared(policyWith(patch), { judge: 1 }))
})
