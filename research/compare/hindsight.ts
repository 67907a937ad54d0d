import { seededRandom, shuffle } from '../../src/cli/traces/seeded-random.js'
import { addPlay, BOUND, playSetting, type Orders, type Played, type Prepared } from './play.js'
import { NEVER, type Setting } from './rules.js'

// Settings that are chosen by their effect on runs that have been seen.

/** Candidates, never stopping first, with what each saves and loses on each run. */
export interface Scored {
  readonly runs: readonly Prepared[]
  readonly candidates: ReadonlyArray<{ readonly setting: Setting, readonly saved: Int32Array, readonly lost: Int8Array }>
}

export function scoreAll (settings: readonly Setting[], runs: readonly Prepared[]): Scored {
  const candidates = [NEVER, ...settings].map((setting) => {
    const played = runs.map((run) => playSetting(setting, run))
    return {
      setting,
      saved: Int32Array.from(played, ({ fullTokens, tokens }) => fullTokens - tokens),
      lost: Int8Array.from(played, ({ fullRight, right }) => fullRight - right),
    }
  })
  return { runs, candidates }
}

/** The setting that saves most, net, of all that lose no more than the bound on these runs. @param indices of the runs; all by default */
export function bestSetting ({ runs, candidates }: Scored, indices: readonly number[] = runs.map((_, i) => i)): Setting {
  let [best, most] = [NEVER, 0]
  for (const { setting, saved, lost } of candidates) {
    let [savedInAll, lostInAll] = [0, 0]
    for (const i of indices) {
      savedInAll += saved[i]!
      lostInAll += lost[i]!
    }
    if (lostInAll <= BOUND * indices.length && savedInAll > most) [best, most] = [setting, savedInAll]
  }
  return best
}

/** Chooses a setting on a random half of the prompts and plays it on the other half, once for each seed. */
export function chosenOnOtherHalf (
  scored: Scored, seeds: readonly number[]
): { readonly played: readonly Played[], readonly orders: Orders } {
  const { runs } = scored
  const played = runs.map((run) => ({ ...playSetting(NEVER, run), plays: 0, fullTokens: 0, tokens: 0, fullRight: 0, right: 0 }))
  const groups = [...new Set(played.map(({ group }) => group))]
  let broken = 0
  for (const seed of seeds) {
    const chosenOn = new Set(shuffle(seededRandom(seed), groups).slice(0, Math.ceil(groups.length / 2)))
    const setting = bestSetting(scored, played.flatMap(({ group }, i) => chosenOn.has(group) ? [i] : []))
    const judged = played.flatMap((sum, i) => {
      if (chosenOn.has(sum.group)) return []
      const one = playSetting(setting, runs[i]!)
      addPlay(sum, one)
      return [one.fullRight - one.right]
    })
    if (judged.reduce((sum, lost) => sum + lost, 0) > BOUND * judged.length) broken++
  }
  return { played: played.filter(({ plays }) => plays > 0), orders: { broken, of: seeds.length } }
}
