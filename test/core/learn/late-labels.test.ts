import t from 'tap'
import { DRIFT } from '../../../src/core/guards/drift.js'
import { contextWarnings } from '../../../src/core/learn/context-warnings.js'
import { policyOf } from '../../../src/core/learn/ledger.js'
import { certifiedFold, SLICE_MOST } from './enrolled-fold.js'
import { LEAF } from './memory-fold.js'

/** An outcome without a label, whose probed answer is the final one or another. */
const outcome = (u: number, isOther: boolean) =>
  ({ full: {}, answer_digest: `${u}`, steps: [{ tokens: 10, confidence: 1, answer_digest: isOther ? 'other' : `${u}` }] })

/** A certified fold with 200 further control generations whose answers agree, which need no label. */
function agreeing (): ReturnType<typeof certifiedFold> & { readonly draw: (count: number) => number[] } {
  const fold = certifiedFold()
  let drawn = 0
  const draw = (count: number) => Array.from({ length: count }, () => 0.02 * (++drawn * 0.618 % 1))
  const us = draw(200)
  fold.enrol(us, fold.time)
  for (const u of us) fold.report(u, fold.time, outcome(u, false))
  fold.pass(fold.time, fold.time + SLICE_MOST)
  return Object.assign(fold, { draw, time: fold.time + SLICE_MOST })
}

t.test('late labels do not hide drift: answers that differ and await their label raise the control share tenfold, and warn', async (t) => {
  const fold = agreeing()
  const warnings = () => contextWarnings(fold.state(), policyOf(fold.ledger, LEAF))
  t.match(fold.state(), { guards: { is_suspected: false, late_labels: { reported: 200 } }, rule: { control_share: 0.02 } })
  const us = fold.draw(40)
  fold.enrol(us, fold.time)
  for (const [i, u] of us.entries()) fold.report(u, fold.time, outcome(u, i % 5 === 0))
  fold.pass(fold.time, fold.time + 1000)
  t.match(fold.state(), { guards: { is_suspected: true }, rule: { control_share: 0.2 } })
  t.notOk(DRIFT.isSuspected(fold.state().guards.drift), 'nothing is known to be lost')
  t.ok(warnings().includes('labels_missing'))

  const { final, open } = fold.state().evidence
  for (const [i, u] of us.entries()) if (i % 5 === 0) fold.append({ type: 'label', generation_id: `g${u}`, em: 0 }, fold.time + 2000)
  fold.pass(fold.time + 2000, fold.time + 4000)
  t.match(fold.state(), { guards: { is_suspected: false }, rule: { control_share: 0.02 } })
  t.same(fold.state().evidence.final.lost, final.lost, 'the labels show no loss')
  t.equal(fold.state().evidence.open.evidence.lost.at(-1), open.evidence.lost.at(-1))
  t.notOk(warnings().includes('labels_missing'))
})

t.test('answers that differ are no suspicion where as many always did', async (t) => {
  const fold = certifiedFold()
  for (let round = 0; round < 5; round++) {
    const us = Array.from({ length: 40 }, (_, i) => 0.02 * ((40 * round + i + 1) * 0.618 % 1))
    const time = fold.time + SLICE_MOST * round
    fold.enrol(us, time)
    for (const [i, u] of us.entries()) fold.report(u, time, outcome(u, i % 20 === 10))
    fold.pass(time, time + SLICE_MOST - 1000)
    t.match(fold.state(), { guards: { is_suspected: false, late_labels: { reported: 40 * round + 40 } }, rule: { control_share: 0.02 } })
  }
})
