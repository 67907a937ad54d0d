import fc from 'fast-check'
import t from 'tap'
import { Quota } from '../../src/access/quota.js'

t.test('a full burst passes, and then as much as is refilled', async (t) => {
  const allowance = new Quota(10, 1000)
  t.equal(allowance.take(10, 5), 0, 'a burst')
  t.equal(allowance.take(1, 5), 100, 'the ms until one is back')
  t.ok(allowance.take(1, 104) > 0)
  t.equal(allowance.take(1, 105), 0)
  t.equal(allowance.take(3, 205), 200, 'all or nothing')
  t.equal(allowance.take(1, 205), 0)
  t.equal(allowance.take(11, 1e9), Infinity, 'so many never fit')
  t.equal(allowance.take(10, 1e9), 0, 'however long it rested, no more than all')
  t.equal(allowance.take(1, 1e9), 100)
  allowance.giveBack(4)
  t.equal(allowance.take(4, 1e9), 0)
  allowance.giveBack(1000)
  t.equal(allowance.take(11, 1e9), Infinity)
})

t.test('an amount below one for each window allows one now and then', async (t) => {
  const allowance = new Quota(0.5, 1000)
  t.equal(allowance.take(1, 0), 0)
  t.equal(allowance.take(1, 1000), 1000)
  t.equal(allowance.take(1, 2000), 0)
})

t.test('no period allows more than the amount and its refill', async (t) => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 6 })), { maxLength: 60 })
  fc.assert(fc.property(steps, (steps) => {
    const allowance = new Quota(5, 1000)
    let [now, taken] = [0, 0]
    for (const [ms, wanted] of steps) {
      now += ms
      if (allowance.take(wanted, now) === 0) taken += wanted
      if (taken > 5 + now * 5 / 1000 + 1e-9) return false
    }
    return true
  }), { seed: 7 })
})
