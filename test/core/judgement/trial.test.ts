import t from 'tap'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { predictorOf, type Trial } from '../../../src/core/judgement/trial.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

const trialOf = (thresholds: number): Trial => ({
  predictor: PREDICTOR.name,
  ordinal: 1,
  since: 0,
  requested: { max_em_drop: 0.02, error_level: 0.05 },
  trained_on: 0,
  open: { evidence: noEvidence(thresholds), unaccounted: 0 },
  certified: -1,
  halves: [noEvidence(thresholds), noEvidence(thresholds)],
})

t.test('a trial has a predictor only while it is live and the evidence fits its grid', async (t) => {
  const live = new Map([[PREDICTOR.name, PREDICTOR]])
  t.equal(predictorOf(trialOf(PREDICTOR.grid.length), live), PREDICTOR)
  t.equal(predictorOf(trialOf(PREDICTOR.grid.length), new Map()), undefined)
  t.equal(predictorOf(trialOf(PREDICTOR.grid.length + 1), live), undefined)
})
