import t from 'tap'
import fc from 'fast-check'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { addChecks, type Cadences, checksDue, cadenceOfTreated, NO_CADENCES } from '../../../src/core/guards/cadences.js'
import { type Cadence, nextCheckTokens } from '../../../src/core/policy/policy.js'
import { holds } from '../../property.js'

const CADENCE: Cadence = { checkEveryTokens: 32, checkGrowth: 0, minTokens: 0 }

t.test('the checks due up to a check are those of the cadence, and rise with the tokens', async (t) => {
  const cadences = fc.record({
    checkEveryTokens: fc.integer({ min: 1, max: 100 }), checkGrowth: fc.constantFrom(0, 0.1, 0.5), minTokens: fc.nat(500),
  })
  holds(t, fc.property(cadences, fc.integer({ min: 1, max: 30 }), fc.nat(3000), (cadence, checks, tokens) => {
    let at = 0
    for (let i = 0; i < checks; i++) at = nextCheckTokens(cadence, at)
    return Math.abs(checksDue(cadence, at) - checks) < 1e-9 && checksDue(cadence, tokens + 1) > checksDue(cadence, tokens)
  }))
  t.equal(checksDue(CADENCE, 8), 0.25)
})

/** Plays generations that stop at random, of a worker that asks at random times after each due check. */
function played (
  random: () => number, cadence: Cadence, lateness: number, stops: number, onStop: (checks: number, tokens: number) => void
): void {
  for (let i = 0; i < stops; i++) {
    let [checks, tokens] = [0, 0]
    do {
      tokens = nextCheckTokens(cadence, tokens) + Math.floor(lateness * random())
      checks++
    } while (random() < 0.8)
    onStop(checks, tokens)
  }
}

t.test('a worker that asks late, but in the same way in both arms, raises no alarm at any time', async (t) => {
  let alarms = 0
  for (let seed = 0; seed < 400; seed++) {
    const random = seededRandom(seed)
    const cadence = { ...CADENCE, checkGrowth: seed % 2 === 0 ? 0 : 0.25 }
    let cadences: Cadences = NO_CADENCES
    const stop = (arm: 'control' | 'treated') => {
      played(random, cadence, seed % 3 * 24, 1, (checks, tokens) => {
        cadences = addChecks(cadences, arm, checks, checksDue(cadence, tokens))
      })
    }
    let isAlarmed = false
    for (let i = 0; i < 300 && !isAlarmed; i++) {
      stop('treated')
      if (random() < 0.3) stop('control')
      isAlarmed = cadenceOfTreated(cadences) !== null
    }
    if (isAlarmed) alarms++
  }
  t.equal(alarms, 0)
})

t.test('treated generations that ask four times as often, or a fourth as often, are found by 32 stops of each arm', async (t) => {
  for (const every of [8, 128]) {
    const random = seededRandom(every)
    let cadences: Cadences = NO_CADENCES
    const add = (arm: 'control' | 'treated', from: Cadence) => played(random, from, 0, 32, (checks, tokens) => {
      cadences = addChecks(cadences, arm, checks, checksDue(CADENCE, tokens))
    })
    add('treated', { ...CADENCE, checkEveryTokens: every })
    t.notOk(cadenceOfTreated(cadences), 'there is no control generation yet')
    add('control', CADENCE)
    t.equal(cadenceOfTreated(cadences), every === 8 ? 'more' : 'less', `every ${every} tokens`)
  }
})

t.test('a small difference does not matter, and a repaired worker is forgiven', async (t) => {
  const withTreated = (ratio: number, times: number, before: Cadences = NO_CADENCES) => {
    let cadences = before
    for (let i = 0; i < times; i++) cadences = addChecks(addChecks(cadences, 'control', 10, 10), 'treated', 10 * ratio, 10)
    return cadences
  }
  t.notOk(cadenceOfTreated(withTreated(1.2, 1000)))
  const different = withTreated(1.5, 1000)
  t.ok(cadenceOfTreated(different))
  t.notOk(cadenceOfTreated(withTreated(1, 2000, different)))
})
