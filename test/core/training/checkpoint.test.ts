import t from 'tap'
import {
  type Checkpoint, checkpointProblem, hasOtherWeights, namedKey, sameFigures, sameThreshold,
} from '../../../src/core/training/checkpoint.js'

const LEVELS = ['model', 'task']
const one: Checkpoint = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 100, context: { model: 'q', task: 't' } }

t.test('the time of the evaluation and the order of context levels do not affect whether figures are the same', async (t) => {
  t.ok(sameFigures(one, { ...one, at: '2026-01-01T00:00:00Z', context: { task: 't', model: 'q' } }))
  const others: Partial<Checkpoint>[] = [{ em: 0.51 }, { n: 11 }, { em_stderr: 0 }, { tokens_mean: 101 }, { tokens_p50: 1 }, { tokens_p95: 1 }, { em_estimate_low: 0.4 }, { em_estimate_high: 0.6 }, { tokens_spent_mean: 60 }, { stop_rate: 0 }, { truncated_rate: 0 }, { advantage_variance: 0 }, { threshold: null }, { context: { model: 'q' } }, { context: { model: 'q', task: 'u' } }]
  for (const other of others) {
    t.notOk(sameFigures(one, { ...one, ...other }), JSON.stringify(other))
    t.notOk(sameFigures({ ...one, ...other }, one), `${JSON.stringify(other)}, in the opposite order`)
  }
})

t.test('differing figures under the same threshold show other weights', async (t) => {
  t.ok(hasOtherWeights({ ...one, em: 0.6 }, [one]))
  t.notOk(hasOtherWeights({ ...one, em: 0.6, threshold: 0.9 }, [one]))
  t.notOk(hasOtherWeights({ ...one, context: { model: 'p' }, threshold: null }, [one]))
  t.notOk(hasOtherWeights(one, []))
  t.notOk(hasOtherWeights({ ...one, em: 0.6, em_estimate_low: 0.5 }, [one]), 'an estimate differs by chance')
  t.notOk(hasOtherWeights({ ...one, em: 0.6 }, [{ ...one, em_estimate_high: 0.7 }]))
  t.ok(sameThreshold(one, { ...one, threshold: null }))
})

t.test('the key of a context ends with its deepest named level', async (t) => {
  t.equal(namedKey(LEVELS, { model: 'q' }), 'model=q')
  t.equal(namedKey(LEVELS, { model: 'q', task: 't' }), 'model=q,task=t')
  t.equal(namedKey(LEVELS, { task: 't' }), 'model=-,task=t')
})

t.test('the problem of an invalid checkpoint states its place', async (t) => {
  t.equal(checkpointProblem(LEVELS, { ...one, tokens_p50: 5, tokens_p95: 5, at: '2026-01-31T12:00:00.5+01:00' }), null)
  const problems: [Partial<Checkpoint>, string, RegExp][] = [
    [{ tokens_p50: 6, tokens_p95: 5 }, '/tokens_p50', /above tokens_p95/],
    [{ em_estimate_low: 0.51, em_estimate_high: 0.6 }, '/em_estimate_low', /above em/],
    [{ em_estimate_high: 0.49 }, '/em_estimate_high', /below em/],
    [{ at: 'yesterday' }, '/at', /must be an existing/],
    [{ at: '2026-13-01T00:00:00Z' }, '/at', /must be an existing/],
    [{ context: { colour: 'red' } }, '/context/colour', /levels are model, task/],
    [{ context: {} }, '/context', /must name at least one level/],
  ]
  for (const [part, path, message] of problems) t.match(checkpointProblem(LEVELS, { ...one, ...part }), { path, message })
})

t.test('the time of an evaluation must exist', async (t) => {
  const problemAt = (at: string) => checkpointProblem(LEVELS, { ...one, at })
  for (const at of ['2024-02-29T23:59:59Z', '2000-02-29T00:00:00-23:59', '2026-12-31t23:59:59.999999z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z']) {
    t.equal(problemAt(at), null, at)
    t.ok(Number.isFinite(Date.parse(at)), `${at} can be parsed`)
  }
  for (const at of ['2016-12-31T23:59:60Z', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-01-32T00:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T12:00:00', '+010000-01-01T00:00:00Z', ' 2026-01-31T12:00:00Z']) {
    t.match(problemAt(at), { path: '/at', message: /must be an existing/ }, at)
  }
})
