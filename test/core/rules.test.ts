import t from 'tap'
import type { Random } from '../../src/cli/traces/seeded-random.js'
import { reaches } from '../../src/core/certificate/certificate.js'
import { addFinal, nothingTested, prefixesAt } from '../../src/core/certificate/tested-evidence.js'
import type { CohortRules, CohortScoring } from '../../src/core/enrolment/accounting.js'
import { Cohort } from '../../src/core/enrolment/cohort.js'
import { countsWithin } from '../../src/core/enrolment/evidence-span.js'
import { atMost, rateOf } from '../random.js'
import { entryOf, rulesWith, unitWith } from './enrolment/cohort-fixtures.js'
import { FIRST } from './reducer/memory-fold.js'

// Breaking any rule of evidence (docs/concepts/certificate.md) gives false certificates. For each of them a world in which stopping loses
// two to three times the EM that may be lost, or nothing. With the rule the first is not certified and the second is; the same generations,
// counted as they would be without the rule, certify the first.

const RUNS = 10
const BOUND = 0.02
const BAR = Math.log(1 / 0.05)
const ONE_THRESHOLD: CohortScoring = { thresholds: 1 }
const NOTHING = nothingTested(1, { clock: 0, time: 0 })
/** A follow-up of 1,800 s: slices of 28 to 225 s. */
const RULES = rulesWith({ followUp: 1_800_000, scoring: ONE_THRESHOLD })

/** A generation or a sample of a group: when it starts and ends, s, and whether stopping it would lose its answer. */
interface Sample {
  readonly start: number
  readonly end: number
  readonly isLost: boolean
  readonly isSilent?: boolean
  /** Whether the control share was too small at its first step to enrol it. */
  readonly isPassedOver?: boolean
  readonly group?: number
}

type World = (random: Random, drop: number) => Sample[]

interface Counting {
  readonly rules?: CohortRules
  /** Samples in each group; the default of 1 takes each for itself. */
  readonly samples?: number
  /** How units that are not accounted for count in a prefix. */
  readonly isLost?: boolean
}

/** Whether the samples ever certify the one threshold, counted in a cohort that is looked at every five seconds. */
function byEnrolment (
  random: Random, world: readonly Sample[], counting: Counting = {}
): boolean {
  const { rules = RULES, samples = 1, isLost = true } = counting
  const cohort = new Cohort('1-1')
  const drawOf = new Map<unknown, number>()
  const uOf = (sample: Sample) => {
    const name = sample.group ?? sample
    if (!drawOf.has(name)) drawOf.set(name, random())
    return drawOf.get(name)!
  }
  const enrolled = world.filter(({ isPassedOver }) => isPassedOver !== true)
  const entries: Array<{ readonly at: number, readonly take: (clock: number) => void }> = enrolled.map((sample) => ({
    at: sample.start, take: (clock) => { cohort.enrol(entryOf([uOf(sample)]), clock, current) },
  }))
  const rule = { units: FIRST, span: rules.span }
  const scoring: CohortScoring = rules.span === 0 ? ONE_THRESHOLD : { ...ONE_THRESHOLD, isTested: (unit) => countsWithin(0, unit, rule) }
  const current: CohortRules = { ...rules, scoring }
  for (const sample of world) {
    if (sample.isSilent) continue
    entries.push({
      at: sample.end,
      take (clock) {
        const member = cohort.members.get(uOf(sample))
        if (member === undefined) return
        const unit = unitWith(sample.isLost ? 1 : 0)
        cohort.report(member, { kind: 'known', unit }, samples, clock, current)
      },
    })
  }
  entries.sort((a, b) => a.at - b.at)
  const look = (): void => {}
  const last = entries.at(-1)!.at + rules.followUp / 1000
  for (let at = entries[0]!.at; at < last; at += 5) entries.push({ at, take: look })
  let tested = NOTHING
  for (const { at, take } of entries.sort((a, b) => a.at - b.at)) {
    const clock = at * 1000
    take(clock)
    cohort.advance(clock, current)
    for (const { differences } of cohort.takeFinal()) tested = addFinal(tested, differences)
    if (take !== look) continue
    const open = cohort.openEvidence(current).map(({ differences }) => isLost ? differences : { ...differences, unaccounted: 0 })
    if (prefixesAt(tested, open, 0).some((prefix) => reaches(BOUND, prefix, BAR))) return true
  }
  return false
}

const isCertified = (counted: readonly Sample[]): boolean => {
  let [lost, kept] = [0, 0]
  return counted.some(({ isLost }) => {
    if (isLost) lost++; else kept++
    return reaches(BOUND, { lost, kept, gained: 0 }, BAR)
  })
}

const byEnd = (world: readonly Sample[]) => world.filter(({ isSilent }) => !isSilent).sort((a, b) => a.end - b.end)

interface Rule {
  readonly world: World
  readonly drop?: number
  readonly kept?: Counting
  readonly broken: (random: Random, world: readonly Sample[]) => boolean
}

function judgeRule (name: string, { world, drop = 0.06, kept = {}, broken }: Rule): void {
  t.test(name, async (t) => {
    const rate = (loss: number, count: (random: Random, world: readonly Sample[]) => boolean) =>
      rateOf(RUNS, (random) => count(random, world(random, loss)))
    const falsely = rate(drop, broken)
    const keeping = rate(drop, (random, samples) => byEnrolment(random, samples, kept))
    t.ok(falsely >= 0.5, `broken, it certifies falsely in ${100 * falsely} % of the runs`)
    t.ok(keeping <= atMost(0.05, RUNS), `kept, in ${100 * keeping} %`)
    t.ok(rate(0, (random, samples) => byEnrolment(random, samples, kept)) >= 0.9, 'kept, it certifies what loses nothing')
  })
}

/** Half are short, 2 to 5 s, and the others take 35 to 60 s; only one of the halves loses. */
function generation (random: Random, drop: number, start: number, losing: 'short' | 'long' = 'long'): Sample {
  const isLong = random() < 0.5
  const isLost = isLong === (losing === 'long') && random() < 2 * drop
  return { start, end: start + (isLong ? 35 + 25 * random() : 2 + 3 * random()), isLost }
}

/** Bursts of 500 within half a second, every two minutes. */
const bursts: World = (random, drop) => [0, 120].flatMap((start) =>
  Array.from({ length: 500 }, () => generation(random, drop, start + random() / 2)))

/** So many a second for so long. */
const steady = (random: Random, drop: number, perSecond: number, seconds: number, losing: 'short' | 'long' = 'long') =>
  Array.from({ length: perSecond * seconds }, (_, i) => generation(random, drop, i / perSecond, losing))

/** When a control share rises from next to nothing, s. */
const RISE = 10

judgeRule('rule 1: only first steps enrol. When the share rises, later steps would enrol those that are still running', {
  world: (random, drop) => [
    ...Array.from({ length: 1600 }, () => ({ ...generation(random, drop, random() / 2, 'short'), isPassedOver: true })),
    ...steady(random, drop, 2, 400, 'short').map((sample) => ({ ...sample, start: sample.start + RISE, end: sample.end + RISE })),
  ],
  broken: (random, world) => byEnrolment(random, world.map((sample) =>
    sample.isPassedOver === true && sample.end > RISE ? { ...sample, start: RISE, isPassedOver: false } : sample)),
})

judgeRule('rule 3: the order is that of enrolment. In the order of arrival, the short generations of a burst come first', {
  world: bursts,
  broken: (_, world) => isCertified(byEnd(world)),
})

judgeRule('rule 5: a unit that is not accounted for counts as lost. Leaving it out of its prefix would leave out long generations', {
  world: bursts,
  broken: (random, world) => byEnrolment(random, world, { isLost: false }),
})

/** Few are long, and those lose. */
const fewLong: World = (random, drop) => Array.from({ length: 6000 }, (_, i): Sample => {
  const isLong = random() < 0.06
  return { start: i / 40, end: i / 40 + (isLong ? 60 : 1), isLost: isLong && random() < drop / 0.06 }
})

judgeRule('rule 4: slices join the sum in their order. Skipping incomplete slices would favour slices without long generations', {
  world: fewLong,
  broken (_, world) {
    const slices = Array.from({ length: Math.floor(world.length / 32) }, (_, i) => world.slice(32 * i, 32 * i + 32))
    const endOf = (slice: readonly Sample[]) => Math.max(...slice.map(({ end }) => end))
    return isCertified(slices.sort((a, b) => endOf(a) - endOf(b)).flat())
  },
})

judgeRule('rule 4: a slice lasts at least a 64th of the follow-up. Slices of 32 divide a burst that is sorted by difficulty', {
  world: (random, drop) => [0, 60].flatMap((start) => Array.from({ length: 400 }, (_, i): Sample =>
    ({ start: start + i / 1000, end: start + 5 + i / 1000, isLost: i >= 240 && random() < drop * 400 / 160 }))),
  broken: (_, world) => isCertified(world),
})

judgeRule('rule 6: a missing outcome counts as lost. Leaving it out would miss generations that a worker gives up when they get long', {
  world: (random, drop) => steady(random, drop, 10, 300)
    .map((sample) => sample.end - sample.start > 20 && sample.isLost ? { ...sample, isSilent: true } : sample),
  broken: (random, world) => byEnrolment(random, world.filter(({ isSilent }) => isSilent !== true)),
})

judgeRule('rule 8: a group is accounted for when all of its samples are. Counting its first samples would count the short ones', {
  world: (random, drop) => Array.from({ length: 300 }, (_, group) =>
    Array.from({ length: 8 }, (): Sample => ({ ...generation(random, drop, group / 4), group }))).flat(),
  kept: { samples: 8 },
  broken: (random, world) => byEnrolment(random, world, { samples: 1 }),
})

judgeRule('rule 8: a group is one unit. Its samples have similar outcomes, so counting each would count the same evidence several times', {
  world: (random, drop) => Array.from({ length: 240 }, (_, group) => {
    const isLost = random() < drop
    return Array.from({ length: 32 }, (): Sample => ({ start: group, end: group + 5 + random(), isLost, group }))
  }).flat(),
  kept: { samples: 32 },
  broken: (_, world) => isCertified(world),
})

judgeRule('rule 12: a first certificate is about half an hour. Without a span it is about a few jobs, each of similar prompts', {
  world: (random, drop) => Array.from({ length: 50 }, (_, minute) => {
    const loss = random() < 2 * drop ? 0.5 : 0
    return Array.from({ length: 50 }, (_, i): Sample => {
      const start = 60 * minute + i / 25
      return { start, end: start + 5, isLost: random() < loss }
    })
  }).flat(),
  kept: { rules: { ...RULES, span: 1_800_000 } },
  broken: (random, world) => byEnrolment(random, world),
})
