import t from 'tap'
import { fingerprintOf, findPredictor, refTo } from '../../../src/core/predictor/fingerprint.js'
import type { Predictor } from '../../../src/core/predictor/predictor.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

t.test('the fingerprint covers everything that scores and exclusions depend on, and nothing else', async (t) => {
  const own = fingerprintOf(PREDICTOR)
  t.match(own, /^[0-9a-f]{16}$/)
  const { contexts, signals, trained } = PREDICTOR
  const others: Partial<Predictor>[] = [
    { label: 'agreement' }, { levels: 'task,model' }, { grid: PREDICTOR.grid.with(3, 0.92) }, { trained: { ...trained, groups: [0.5] } },
    { signals: [{ ...signals[0]!, mean: 0.51 }] }, { signals: [{ ...signals[0]!, scale: 0.26 }] }, { signals: [{ ...signals[0]!, name: 'e' }] },
    { contexts: { '*': contexts['*']! } }, { contexts: { ...contexts, '*': { ...contexts['*']!, log_median: 1 } } },
    { contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 0.5 } } }, { contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 1 } } },
    { contexts: { ...contexts, '*': { ...contexts['*']!, weights: [1, 1, 0.5, 0.1, -0.5] } } },
  ]
  const all = [own, ...others.map((change) => fingerprintOf({ ...PREDICTOR, ...change }))]
  t.equal(new Set(all).size, all.length)
  t.equal(fingerprintOf(JSON.parse(JSON.stringify(PREDICTOR))), own, 'storing it changes nothing')
  t.equal(fingerprintOf({ ...PREDICTOR, contexts: Object.fromEntries(Object.entries(contexts).reverse()) }), own, 'the order of contexts does not matter')
  t.equal(fingerprintOf({ ...PREDICTOR, trained: { ...trained, generations: 7 } }), own)
  t.equal(fingerprintOf({ ...PREDICTOR, contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 0 } } }), own, 'a power of 0 is the default')
})

t.test('a predictor is found by name and fingerprint, or by name alone', async (t) => {
  const predictors = new Map([['p', PREDICTOR]])
  t.equal(findPredictor(predictors, refTo(PREDICTOR)), PREDICTOR)
  t.equal(findPredictor(predictors, { name: 'p' }), PREDICTOR)
  t.equal(findPredictor(predictors, { name: 'p', fingerprint: '0000000000000000' }), undefined)
  t.equal(findPredictor(predictors, { name: 'q' }), undefined)
})
