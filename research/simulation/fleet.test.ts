import t from 'tap'
import { playKilled } from './fleet.js'

t.test('killing a fleet with 300 running does not withdraw the certificate', async (t) => {
  for (const [killedAt, controlRate, drop] of [[150, 'auto', 0.005], [400, 'auto', 0], [300, 0.2, 0.005], [300, 0.5, 0]] as const) {
    const { certifiedAt, isInForce, causes, missing } = playKilled(killedAt, controlRate, drop, 1)
    t.ok(certifiedAt! < killedAt, 'it was certified before')
    t.ok(missing > 0, 'the killed generations are missing in the end')
    t.ok(isInForce, `share ${controlRate}, killed at ${killedAt} s`)
    t.strictSame(causes, ['evidence'], 'no alarm of drift or breach')
  }
})
