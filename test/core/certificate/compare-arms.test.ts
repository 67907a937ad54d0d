import t from 'tap'
import { comparedShare, compareEm, compareTokens, emDifference, NO_ARMS, tokensDifference, type Arms } from '../../../src/core/certificate/compare-arms.js'
import { atMost, mulberry32, rateOf } from '../../random.js'

const LEVEL = 0.05

/** Two normal draws a call would waste (Box & Muller 1958); one is enough here. */
const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

interface World {
  readonly share: (i: number) => number
  /** Chance that an answer is right, and mean tokens, by arm and place in the stream. */
  readonly em: (arm: 'control' | 'treated', i: number) => number
  readonly tokens?: (arm: 'control' | 'treated', i: number) => number
}

/** Plays a stream; `look` is called after every tenth generation. */
function play (
  random: () => number, generations: number, { share, em, tokens = () => 500 }: World, look: (arms: Arms) => void = () => {}
): Arms {
  let arms = NO_ARMS
  for (let i = 0; i < generations; i++) {
    const p = share(i)
    const arm = random() < p ? 'control' : 'treated'
    arms = compareTokens(arms, arm, p, Math.round(tokens(arm, i) * Math.exp(0.8 * normal(random) - 0.32)))
    arms = compareEm(arms, arm, p, random() < em(arm, i) ? 1 : 0)
    if (i % 10 === 0) look(arms)
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

t.test('a generation whose arm contradicts its draw is not compared', async (t) => {
  t.equal(comparedShare('control', 0.1, 0.2), 0.2)
  t.equal(comparedShare('treated', 0.3, 0.2), 0.2)
  t.equal(comparedShare('treated', 0.1, 0.2), null)
  t.equal(comparedShare('control', 0.3, 0.2), null)
  t.equal(comparedShare(null, 0.3, 0.2), null)
})
