import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  addCompared, type Arms, armsSuspicion, type ArmSums, betOnArms, compareOnArrival, type ComparedUnit, compareSlice, emDifference,
  highEm, mergeArmSums, NO_ARM_SUMS, NO_ARMS, tokensDifference,
} from '../../../src/core/certificate/arms.js'
import { holds } from '../../property.js'
import { atMost, mulberry32, rateOf } from '../../random.js'
import { vectors } from '../../test-data.js'

const BOUND = 0.02

t.test('units are summed by the share at which they were drawn, and by arm', async (t) => {
  const units: ComparedUnit[] = [
    { arm: 'control', share: 0.5, em: 1, tokens: 100 },
    { arm: 'treated', share: 0.5, em: 0.5, tokens: 60 },
    { arm: 'treated', share: 0.5, em: null, tokens: 40 },
    { arm: 'control', share: 0.1, em: 0, tokens: null },
  ]
  t.match(units.reduce(addCompared, NO_ARM_SUMS), [
    {
      share: 0.5,
      control: { units: 1, by_em: [[1, 1]], measured: 1, tokens: 100, token_squares: 10_000 },
      treated: { units: 2, by_em: [[0.5, 1]], measured: 2, tokens: 100, token_squares: 5200 },
    },
    { share: 0.1, control: { units: 1, by_em: [[0, 1]], measured: 0, tokens: 0 }, treated: { units: 0 } },
  ])
})

t.test('sums merge in any grouping', async (t) => {
  const unit: fc.Arbitrary<ComparedUnit> = fc.record({
    arm: fc.constantFrom('control', 'treated'),
    share: fc.constantFrom(0.1, 0.5, 1),
    em: fc.constantFrom(0, 0.5, 1, null),
    tokens: fc.constantFrom(10, 20, null),
  })
  const sorted = (sums: typeof NO_ARM_SUMS) => [...sums].sort((a, b) => a.share - b.share)
  holds(t, fc.property(fc.array(unit, { maxLength: 12 }), fc.nat(12), (units, cut) => {
    const sum = (some: readonly ComparedUnit[]) => some.reduce(addCompared, NO_ARM_SUMS)
    assert.deepEqual(sorted(mergeArmSums(sum(units.slice(cut)), sum(units.slice(0, cut)))), sorted(sum(units)))
  }))
})

const LEVEL = 0.05

/** Two normal draws a call would waste (Box & Muller 1958); one is enough here. */
const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

interface World {
  readonly share: (i: number) => number
  /** Chance that an answer is right, and mean tokens, by arm and place in the stream. */
  readonly em: (arm: 'control' | 'treated', i: number) => number
  readonly tokens?: (arm: 'control' | 'treated', i: number) => number
}

const SLICE = 32

/** Plays a stream, of which those with a draw below twice the share are enrolled; `look` is called after every slice. */
function play (
  random: () => number, generations: number, { share, em, tokens = () => 500 }: World, look: (arms: Arms) => void = () => {}
): Arms {
  let arms = NO_ARMS
  let slice: readonly ArmSums[] = NO_ARM_SUMS
  for (let [i, enrolled] = [0, 0]; i < generations; i++) {
    const [p, u] = [share(i), random()]
    if (u >= 2 * p) continue
    const arm = u < p ? 'control' : 'treated'
    const unit: ComparedUnit = {
      arm, share: p, tokens: Math.round(tokens(arm, i) * Math.exp(0.8 * normal(random) - 0.32)), em: random() < em(arm, i) ? 1 : 0,
    }
    slice = addCompared(slice, unit)
    if (++enrolled % SLICE > 0) continue
    arms = compareSlice(arms, slice, BOUND)
    slice = NO_ARM_SUMS
    look(arms)
  }
  return arms
}

/** As `auto` falls, with savings of a third. */
const falling = (i: number) => Math.max(0.02, 0.3 * Math.sqrt(200 / (i + 200)))
/** Traffic that gets harder and longer while the share falls: plain means would say that the arms differ. */
const harder = { em: (_: string, i: number) => 0.9 - 0.3 * i / 10_000, tokens: (_: string, i: number) => 300 + 0.05 * i }

t.test('equal arms are called different in at most `level` of the runs, however often one looks', async (t) => {
  const runs = 100
  for (const [name, world] of [
    ['a share of 2 %', { share: () => 0.02, em: () => 0.8 }],
    ['a share of 30 %, nearly all right', { share: () => 0.3, em: () => 0.97 }],
    ['a falling share, traffic that gets harder', { share: falling, ...harder }],
  ] as const) {
    let shown = 0
    const seen = { em: 0, tokens: 0 }
    for (let run = 1; run <= runs; run++) {
      const differs = { em: false, tokens: false }
      const arms = play(mulberry32(run * 7919), 10_000, world, (arms) => {
        for (const [figure, difference] of [['em', emDifference(arms, LEVEL)], ['tokens', tokensDifference(arms, LEVEL)]] as const) {
          if (difference !== null && (difference.low > 0 || difference.high < 0)) differs[figure] = true
        }
      })
      if (emDifference(arms, LEVEL) !== null) shown++
      for (const figure of ['em', 'tokens'] as const) if (differs[figure]) seen[figure]++
    }
    for (const [figure, count] of Object.entries(seen)) {
      t.ok(count / runs <= atMost(LEVEL, runs), `${name}, ${figure}: ${(100 * count / runs).toFixed(1)} % of ${runs} runs`)
    }
    t.ok(shown > runs / 2, `${name}: an interval is shown in ${shown} runs`)
  }
})

t.test('plain means would be biased where share and traffic change together', async (t) => {
  const arms = play(mulberry32(1), 10_000, { share: falling, ...harder })
  const plain = arms.treated.em / arms.treated.labelled - arms.control.em / arms.control.labelled
  const weighted = emDifference(arms, LEVEL)!
  t.ok(plain < -0.03, `plain means differ by ${plain.toFixed(3)}`)
  t.ok(weighted.low <= 0 && weighted.high >= 0, `weighted: ${weighted.low.toFixed(3)} to ${weighted.high.toFixed(3)}`)
})

t.test('a true difference is found, and its size estimated', async (t) => {
  const world: World = { share: () => 0.2, em: (arm) => arm === 'control' ? 0.8 : 0.7, tokens: (arm) => arm === 'control' ? 1000 : 600 }
  const found = rateOf(40, (random) => {
    const arms = play(random, 10_000, world)
    const [em, tokens] = [emDifference(arms, LEVEL)!, tokensDifference(arms, LEVEL)!]
    return em.high < 0 && em.low <= -0.1 && em.high >= -0.1 && tokens.high < 0 && tokens.low <= -400 && tokens.high >= -400
  })
  t.ok(found >= 0.9, `${100 * found} % of the runs`)
})

t.test('no interval is given for few generations or few wrong answers', async (t) => {
  t.equal(emDifference(NO_ARMS, LEVEL), null)
  t.equal(tokensDifference(NO_ARMS, LEVEL), null)
  const right = play(mulberry32(1), 3000, { share: () => 0.5, em: () => 1 })
  t.equal(emDifference(right, LEVEL), null, 'none wrong')
  t.not(tokensDifference(right, LEVEL), null)
})

t.test('the sums of a slice equal those of its units one by one', async (t) => {
  const random = mulberry32(9)
  let arms = NO_ARMS
  let [n, weight, sum, square, labelled, right] = [0, 0, 0, 0, 0, 0]
  for (let round = 0; round < 20; round++) {
    const share = [0.1, 0.3, 0.7][round % 3]!
    const p = Math.max(0.5, share)
    const usual = labelled === 0 ? 0.5 : right / labelled
    let slice = NO_ARM_SUMS
    const [before, rights] = [labelled, right]
    for (let i = 0; i < 50; i++) {
      const arm = random() < p ? 'control' : 'treated'
      const em = Math.floor(9 * random()) / 8
      slice = addCompared(slice, { arm, share, em, tokens: 100 })
      const z = arm === 'treated' ? em - usual : -(em - usual) * (1 - p) / p
      n++
      weight += 1 - p
      sum += z
      square += z * z
      if (arm === 'control') { labelled++; right += em }
    }
    t.ok(labelled > before && right >= rights)
    arms = compareSlice(arms, slice, BOUND)
  }
  const isClose = (x: number, y: number) => Math.abs(x - y) < 1e-9 * Math.max(1, Math.abs(y))
  const { em_contrast: found, control } = arms
  t.ok(found.n === n && isClose(found.weight, weight) && isClose(found.sum, sum) && isClose(found.square, square), JSON.stringify(found))
  t.equal(control.labelled, labelled)
})

t.test('slices in which nobody was treated are not compared', async (t) => {
  t.equal(compareSlice(NO_ARMS, addCompared(NO_ARM_SUMS, { arm: 'control', share: 1, em: 1, tokens: 1 }), BOUND), NO_ARMS)
})

t.test('the detector agrees with an independent implementation (test/data/vectors/breach.json)', async (t) => {
  const ALONE = 1e9 // the detector's ceiling, which the reference lacks
  for (const { name, slices, rows } of vectors('breach').arms) {
    let [detector, n, right]: [readonly number[], number, number] = [NO_ARMS.detector, 0, 0]
    for (const [i, { p, control, treated }] of slices.entries()) {
      const m = highEm(n, right)
      const units = (ems: readonly number[]) => ems.map((em) => [em, 1] as const)
      detector = betOnArms(detector.map((value) => Math.max(1, value)), { p, m, control: units(control), treated: units(treated) }, BOUND)
      const mean = detector.reduce((sum, value) => sum + value, 0) / detector.length
      t.ok(Math.abs(m - rows[i].m) < 1e-12, `${name}, slice ${i}: m`)
      if (Math.max(...detector) >= ALONE) break
      t.ok(Math.abs(mean / rows[i].mean - 1) < 1e-9, `${name}, slice ${i}: ${mean}, expected ${rows[i].mean}`)
      n += control.length
      right += control.reduce((sum: number, em: number) => sum + em, 0)
    }
  }
})

t.test('the detector depends on the units of a slice, not on their order', async (t) => {
  const unit: fc.Arbitrary<ComparedUnit> = fc.record({
    arm: fc.constantFrom('control', 'treated'), share: fc.constantFrom(0.02, 0.3, 0.7), em: fc.constantFrom(0, 0.5, 1), tokens: fc.constant(1),
  })
  const detectorOf = (units: readonly ComparedUnit[]) => compareSlice(NO_ARMS, units.reduce(addCompared, NO_ARM_SUMS), BOUND).detector
  holds(t, fc.property(fc.array(unit, { minLength: 1, maxLength: 12 }), (units) => {
    for (const [i, value] of detectorOf([...units].reverse()).entries()) assert.ok(Math.abs(value / detectorOf(units)[i]! - 1) < 1e-9)
  }))
})

t.test('a slice of thousands of units leaves the detector finite', async (t) => {
  const half = [[0, 3000], [1, 3000]] as const
  for (const p of [0.5, 0.9]) {
    const after = betOnArms(NO_ARMS.detector, { p, m: 0.5, control: half, treated: half }, BOUND)
    t.ok(after.every((value) => value >= 0 && value < 1), `no loss is no alarm: ${after.join(' ')}`)
  }
  t.ok(betOnArms(NO_ARMS.detector, { p: 0.5, m: 0.5, control: [[1, 6000]], treated: [[0, 6000]] }, BOUND).every((value) => value === 1e9))
})

t.test('a loss is found at any EM, also where full runs are always right; no loss raises no alarm', async (t) => {
  const ALARM = 1e4
  const alarmAfter = (em: number, loss: number, seed: number): number => {
    let [compared, found] = [0, Infinity]
    play(mulberry32(seed), 6000, { share: () => 0.5, em: (arm) => arm === 'control' ? em : Math.max(0, em - loss) }, (arms) => {
      compared += SLICE
      if (armsSuspicion(arms) >= ALARM) found = Math.min(found, compared)
    })
    return found
  }
  t.ok(alarmAfter(1, 0.3, 1) <= 200, 'EM 1, 30 points')
  t.ok(alarmAfter(0.9, 0.3, 1) <= 600, 'EM 0.9, 30 points')
  t.ok(alarmAfter(0.5, 0.3, 1) <= 1500, 'EM 0.5, 30 points')
  const runs = Array.from({ length: 10 }, (_, i) => i + 1)
  for (const em of [0.5, 0.9, 1]) t.ok(runs.every((seed) => alarmAfter(em, 0, seed) === Infinity), `EM ${em}, no loss`)
})

t.test('outcomes that count on arrival have the floor once in 32 units, so that the order of the arms raises no alarm', async (t) => {
  const ALARM = 1e4
  const alarms = rateOf(20, (random) => {
    let arms = NO_ARMS
    for (let i = 0; i < 4000; i++) {
      const arm = random() < 0.5 ? 'control' : 'treated'
      arms = compareOnArrival(arms, { arm, share: 0.5, em: random() < 0.5 ? 1 : 0, tokens: 1 }, BOUND)
      if (armsSuspicion(arms) >= ALARM) return true
    }
    return false
  })
  t.equal(alarms, 0)
  let arms = NO_ARMS
  for (let i = 0; i < 2000 && armsSuspicion(arms) < ALARM; i++) {
    arms = compareOnArrival(arms, { arm: i % 2 === 0 ? 'control' : 'treated', share: 0.5, em: i % 2 === 0 || i % 3 === 0 ? 1 : 0, tokens: 1 }, BOUND)
  }
  t.ok(armsSuspicion(arms) >= ALARM, 'a loss is found')
})
