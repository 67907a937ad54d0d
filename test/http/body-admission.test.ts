import t from 'tap'
import { BodyAdmission, FREE_BODY_BYTES } from '../../src/http/body-admission.js'

t.test('bytes beyond the first 64 KiB of a body count, up to the total and to the share of a holder', async (t) => {
  const bodies = new BodyAdmission({ totalBytes: 1000, share: 0.5 })
  const a = bodies.open('a')
  t.equal(a.grow(FREE_BODY_BYTES), null)
  t.equal(bodies.heldBytes, 0)
  t.equal(a.grow(FREE_BODY_BYTES + 500), null)
  t.equal(a.grow(FREE_BODY_BYTES + 501), 'share')
  t.equal(bodies.open('a').grow(FREE_BODY_BYTES + 1), 'share', 'the share is that of all its bodies')
  const anyone = bodies.open(null)
  t.equal(anyone.grow(FREE_BODY_BYTES + 500), null)
  t.equal(bodies.open('b').grow(FREE_BODY_BYTES + 1), 'full')
  t.equal(bodies.heldBytes, 1000)
  t.equal(bodies.open('b').grow(FREE_BODY_BYTES + 10, true), null, 'a forced body is counted all the same')
  t.equal(bodies.heldBytes, 1010)
  a.release()
  a.release()
  t.equal(a.grow(FREE_BODY_BYTES + 500), null, 'a released body takes no room')
  t.equal(bodies.heldBytes, 510)
})
