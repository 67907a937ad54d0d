import t from 'tap'
import { playKilled } from './fleet.js'

const FOLLOW_UP = 1800
const LONGEST = 60

// [when it is killed, control rate, drop, whether its killed generations are half of the newest 128 when their follow-up is over]
const FLEETS = [[150, 'auto', 0.005, false], [400, 'auto', 0, false], [300, 0.2, 0.005, true], [300, 0.5, 0, true]] as const

t.test('killing a fleet with 300 running does not withdraw the certificate', async (t) => {
  for (const [killedAt, controlRate, drop, isBlind] of FLEETS) {
    const { certifiedAt, isKept, changes, missing } = playKilled(killedAt, controlRate, drop, 1)
    const name = `share ${controlRate}, killed at ${killedAt} s`
    t.ok(certifiedAt! < killedAt, 'it was certified before')
    t.ok(missing > 0, 'the killed generations are missing in the end')
    t.ok(isKept, name)
    t.strictSame(changes.map(({ cause }) => cause), ['evidence', ...isBlind ? ['suspended'] : []], `${name}: no alarm of drift or breach`)
    t.ok(changes.slice(1).every(({ at }) => at > killedAt + FOLLOW_UP - LONGEST), `${name}: only the killed generations suspend it`)
  }
})
