import t from 'tap'
import { isLive, livePins, type Pin } from '../../../src/core/policy/pin.js'
import { usablePin, fingerprintOf } from '../../../src/core/scores/predictor-version.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

t.test('a pin expires at its time and not before', async (t) => {
  const pin = (expires_at: number | null): Pin => ({ threshold: 0.5, reason: 'r', by: 'ops', expires_at })
  t.ok(isLive(pin(null), 1e15))
  t.ok(isLive(pin(1000), 999))
  t.notOk(isLive(pin(1000), 1000))
  const pins = new Map([['a', pin(null)], ['b', pin(1000)]])
  t.equal(livePins(pins, 999), pins, 'the same map where none has expired')
  t.same([...livePins(pins, 1000).keys()], ['a'])
})

t.test('a pin for a predictor that is gone or was replaced means never stop', async (t) => {
  const pin: Pin = { threshold: 0.9, scorer: 'p', scorer_fingerprint: fingerprintOf(PREDICTOR), reason: 'r', by: 'ops', expires_at: null }
  t.equal(usablePin(new Map([['p', PREDICTOR]]), pin), pin)
  const other = { ...PREDICTOR, signals: [{ name: 'entropy', mean: 0.5, scale: 0.5 }] }
  for (const predictors of [new Map(), new Map([['p', other]])]) {
    t.strictSame(usablePin(predictors, pin), { threshold: null, reason: 'r', by: 'ops', expires_at: null })
  }
})
