import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { EmbeddedLease } from '../../src/store/embedded/embedded-learning.js'

t.test('only the newest lease is current, until it expires', async (t) => {
  const lease = new EmbeddedLease()
  t.equal(lease.isCurrent(0), false)
  t.equal(lease.isHeldByOther('a'), false)
  lease.give('a', 1, 60_000)
  t.equal(lease.isCurrent(1), true)
  t.same(['a', 'b'].map((holder) => lease.isHeldByOther(holder)), [false, true])
  lease.give('b', 2, 60_000)
  t.same([1, 2].map((token) => lease.isCurrent(token)), [false, true])
  t.same([1, 2].map((token) => lease.renew(token, 10)), [false, true], 'a renewal may also shorten it')
  await setTimeout(15)
  t.equal(lease.isCurrent(2), false)
  t.equal(lease.renew(2, 60_000), false, 'an expired lease is not renewed')
  t.equal(lease.isHeldByOther('a'), false)
})

t.test('only the current token releases the lease', async (t) => {
  const lease = new EmbeddedLease()
  lease.give('a', 7, 60_000)
  lease.release(6)
  t.equal(lease.isCurrent(7), true)
  lease.release(7)
  t.equal(lease.isCurrent(7), false)
})
