import t from 'tap'
import { playProbes, UNLIMITED } from './overhead.js'

// A small run of what `npm run simulations overhead` prints.

t.test('learning stays cheap where nothing can be certified, and says why', async (t) => {
  const lossy = playProbes({ lost: 0.04, stopsAt: 0.6 }, 16, {}, 1, { generations: 8000 })
  t.ok(lossy.overhead < 0.08, `${lossy.overhead}`) // 930 free ones and a fiftieth of the others, at 47 % each, are 6.3 %
  t.match(lossy, { certifiedAt: Infinity, unlikely: 'accuracy' })
  t.ok(playProbes({ lost: 0.04, stopsAt: 0.6 }, 16, UNLIMITED, 1, { generations: 600 }).overhead > 0.4)
  t.match(playProbes({ lost: 0, stopsAt: 1 }, 16, {}, 1, { generations: 1000 }), { certifiedAt: Infinity, unlikely: 'probe_cost' })
})

t.test('certificates that come within 930 control generations, or pay for more, come as soon as without a budget', async (t) => {
  for (const [lost, cost] of [[0, 16], [0.01, 4]] as const) {
    const length = { generations: 2000, endsWithCertificate: true }
    const at = (policy: object) => playProbes({ lost, stopsAt: 0.6 }, cost, policy, 2, length).certifiedAt
    t.ok(at({}) < 2000)
    t.equal(at({}), at(UNLIMITED))
  }
})
