import t from 'tap'
import { labelledRatio } from '../../src/core/judgement/context-state.js'
import { ROOT, type Levels } from '../../src/core/policy/context.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { GRID } from '../../src/core/certificate/grid.js'
import type { LoggedOutcome, LoggedStep } from '../../src/core/grading/outcome.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { atMost, mulberry32, rateOf } from '../random.js'
import { memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './learn/memory-fold.js'

// DESIGN section 3, "What counts as evidence": six rules, each there because breaking it gives false certificates. For each of them a world
// in which stopping loses three times the EM that may be lost, or nothing. With the rule the first is not certified and the second is;
// the same outcomes, dressed up so that the rule does not see what it forbids, certify the first.

const RUNS = 10
const LOSSY = 0.06 // EM drop of stopping, at every threshold; max_em_drop is 0.02

/** One entry of the simulation, as the log has it and as it is dressed up, at a time in seconds. */
interface Told { readonly honest: LogEntry, readonly disguised: LogEntry, readonly seconds?: number }

interface Rule {
  /** What happened in a world in which stopping loses this much. */
  readonly world: (random: () => number, drop: number) => Iterable<Told>
  readonly policy?: PolicyPatch
  /** A policy under which the rule does not bite; the disguise is then the policy. */
  readonly laxPolicy?: PolicyPatch
  readonly before?: (fold: MemoryFold) => void
  /** Below the root, whose certificate is at stake. */
  readonly levels?: Levels
}

function isEverCertified (rule: Rule, told: Iterable<Told>, isKept: boolean): boolean {
  const fold = memoryFold(isKept ? rule.policy : rule.laxPolicy ?? rule.policy, { levels: rule.levels ?? [] })
  rule.before?.(fold)
  for (const { honest, disguised, seconds = 0 } of told) {
    fold.learn(isKept ? honest : disguised, seconds * 1000)
    if ((fold.get(ROOT)?.threshold_index ?? -1) > -1) return true
  }
  return false
}

function judgeRule (name: string, rule: Rule): void {
  t.test(name, async (t) => {
    const certified = (drop: number, isKept: boolean) => rateOf(RUNS, (random) => isEverCertified(rule, rule.world(random, drop), isKept))
    const broken = certified(LOSSY, false)
    const kept = certified(LOSSY, true)
    t.ok(broken >= 0.5, `broken, it certifies falsely in ${100 * broken} % of the runs`)
    t.ok(kept <= atMost(0.05, RUNS), `kept, in ${100 * kept} %`)
    t.ok(certified(0, true) >= 0.9, 'kept, it certifies what loses nothing')
  })
}

const both = (entry: LogEntry): Told => ({ honest: entry, disguised: entry })

const PIN: LogEntry = { type: 'pin', key: ROOT, pin: { threshold: 0.5, reason: 'a threshold in force', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' }

/** Too short to have been asked more than once, and says it never was: kept. */
const NEVER_ASKED = { tokens: 50, steps: [] }

/** A step that every threshold stops at. */
const stepWith = (em: 0 | 1): LoggedStep => ({ ...SURE_STEP, exact_match: em })

judgeRule('rule 1: only control that was not stopped. A treated generation that ran to its end is one that nothing could have stopped', {
  policy: { control_rate: 0.1 },
  before: (fold) => fold.learn(PIN),
  * world (random, drop) {
    for (let i = 0; i < 3000; i++) {
      const arm = random() < 0.1 ? 'control' : 'treated'
      const isSure = random() < 0.2 // the others never cross, and run to their end in either arm
      const step = isSure ? stepWith(random() < drop / 0.2 ? 0 : 1) : { ...SURE_STEP, confidence: 0.05 }
      const stopped = arm === 'treated' && isSure
      const honest = outcomeOf({ u: random(), arm, stopped, tokens: stopped ? SURE_STEP.tokens : 100, steps: [step] })
      yield { honest, disguised: arm === 'treated' && !stopped ? { ...honest, arm: 'control' } : honest }
    }
  },
})

judgeRule('rule 2: absent steps are no evidence. Read as "never asked" they would all be kept', {
  * world (random, drop) {
    for (let i = 0; i < 2500; i++) {
      const steps = [stepWith(random() < drop ? 0 : 1)]
      const isKept = random() < 0.15 // most workers keep no steps
      yield { honest: outcomeOf({ steps: isKept ? steps : null }), disguised: outcomeOf(isKept ? { steps } : NEVER_ASKED) }
    }
  },
})

judgeRule('rule 2: an incomplete trace is the worst case where it did not cross. Taken as complete, what it lost would be kept', {
  * world (random, drop) {
    for (let i = 0; i < 2500; i++) {
      const isLost = random() < drop
      if (!isLost) yield both(outcomeOf())
      else { // the worker dropped the steps of its longest traces
        yield { honest: outcomeOf({ steps: [], steps_complete: false }), disguised: outcomeOf(NEVER_ASKED) }
      }
    }
  },
})

judgeRule('rule 3: of a group only sample 0. Many samples of a few prompts are few draws', {
  * world (random, drop) {
    for (let prompt = 0; prompt < 240; prompt++) {
      const step = stepWith(random() < drop ? 0 : 1) // all samples of a prompt fare alike
      for (let sample_index = 0; sample_index < 32; sample_index++) {
        yield { honest: outcomeOf({ sample_index, steps: [step] }), disguised: outcomeOf({ sample_index: null, steps: [step] }) }
      }
    }
  },
})

judgeRule('rule 4: a label of the policy\'s kind. A model that is always wrong has no EM to lose, however often stopping changes its answer', {
  policy: { label: 'agreement' },
  * world (random, drop) {
    for (let i = 0; i < 4000; i++) {
      const agrees = random() < drop ? 0 : 1
      const hasAnswers = random() < 0.1 // the others send em alone
      const full = { exact_match: 0 as const }
      const step = stepWith(0)
      if (hasAnswers) yield both(outcomeOf({ full: { ...full, agreement: 1 }, steps: [{ ...step, agreement: agrees }] }))
      else {
        const disguised = outcomeOf({ full: { agreement: 0 }, steps: [{ ...step, agreement: 0 }] })
        yield { honest: outcomeOf({ full, steps: [step] }), disguised }
      }
    }
  },
})

judgeRule('rule 4: unlabelled outcomes are no evidence. Counted as kept they would thin the losses', {
  * world (random, drop) {
    for (let i = 0; i < 2500; i++) {
      const labelled = outcomeOf({ steps: [stepWith(random() < drop ? 0 : 1)] })
      if (random() < 0.15) yield both(labelled)
      else yield { honest: outcomeOf({ full: {} }), disguised: outcomeOf(NEVER_ASKED) }
    }
  },
})

t.test('rule 4: the labelled ratio stands beside the certificate, which speaks of labelled traffic alone', async (t) => {
  const random = mulberry32(4)
  const fold = memoryFold({}, { levels: [] })
  for (let i = 0; i < 2500; i++) { // only easy questions get a label
    const isEasy = random() < 0.3
    fold.learn(isEasy ? outcomeOf() : outcomeOf({ full: {} }))
  }
  const { guarantee } = fold.state(ROOT)
  t.ok(guarantee !== null, 'certified, of labelled traffic')
  t.ok(Math.abs(labelledRatio(fold.state(ROOT)) - 0.3) < 0.03)
  t.ok(Math.abs(guarantee!.labelled_ratio - 0.3) < 0.06)
})

/** 20 generations start every second: short ones (1 s) lose nothing, long ones (100 s) the whole drop. Control alone, as it arrives. */
function arrivals (random: () => number, drop: number, from: number, to: number, share: (start: number) => number) {
  const told: (Told & { seconds: number })[] = []
  for (let i = 0; i < (to - from) * 20; i++) {
    const start = from + i / 20
    const isLong = random() < 0.2
    const step = stepWith(isLong && random() < drop / 0.2 ? 0 : 1)
    const u = random()
    if (u < share(start)) told.push({ ...both(outcomeOf({ u, steps: [step] })), seconds: start + (isLong ? 100 : 1) })
  }
  return told.sort((a, b) => a.seconds - b.seconds)
}

judgeRule('rule 5: nothing before the epoch settled. Short generations finish first', {
  policy: { settle_seconds: 100 },
  laxPolicy: { settle_seconds: 0 },
  world: (random, drop) => arrivals(random, drop, 0, 200, () => 1),
})

judgeRule('rule 5: nothing before it settled again after the control share rose', {
  policy: { settle_seconds: 100, control_rate: 0.02 },
  laxPolicy: { settle_seconds: 0, control_rate: 0.02 },
  before: (fold) => fold.learn(PIN),
  * world (random, drop) {
    const rise = 500
    const outcomes = arrivals(random, drop, 0, 700, (start) => start < rise ? 0.02 : 1)
    yield * outcomes.filter(({ seconds }) => seconds < rise)
    yield { ...both({ type: 'policy', key: ROOT, policy: { control_rate: 1 }, by: 'ops' }), seconds: rise }
    yield * outcomes.filter(({ seconds }) => seconds >= rise)
  },
})

/**
 * Starts 100 generations a second, in the arm that the learner's share gives them, and tells it of control ones as they finish. Stopping
 * at the loose threshold loses a tenth of the short ones, all in all 8 %; stopping at the safe ones loses nothing.
 */
function isLooseEverCertified (random: () => number, disguise: (outcome: LoggedOutcome) => LoggedOutcome): boolean {
  const loose = 20
  const fold = memoryFold({ max_em_drop: 0.05, settle_seconds: 110 }, { levels: [] })
  const running: { short: Finish[], long: Finish[] } = { short: [], long: [] }
  for (let i = 0; i < 250 * 100; i++) {
    const now = i / 100
    for (const queue of [running.short, running.long]) {
      while (queue.length > 0 && queue[0]!.seconds <= now) {
        const { seconds, outcome } = queue.shift()!
        fold.learn(disguise(outcome), seconds * 1000)
        if (fold.state(ROOT).threshold_index >= loose) return true
      }
    }
    const u = random()
    const isLong = random() < 0.2
    const isLost = !isLong && random() < 0.1
    if (u >= (fold.get(ROOT)?.control_share ?? 1)) continue
    const steps: LoggedStep[] = [{ tokens: 10, confidence: GRID[loose]!, exact_match: isLost ? 0 : 1 }, SURE_STEP]
    running[isLong ? 'long' : 'short'].push({ seconds: now + (isLong ? 100 : 1), outcome: outcomeOf({ u, steps }) })
  }
  return false
}

interface Finish { readonly seconds: number, readonly outcome: LoggedOutcome }

t.test('rule 5, and what it does not say: once the share fell, long generations begun before outnumber all others', async (t) => {
  const broken = rateOf(8, (random) => isLooseEverCertified(random, (outcome) => ({ ...outcome, u: 0 })))
  const kept = rateOf(8, (random) => isLooseEverCertified(random, (outcome) => outcome))
  t.ok(broken >= 0.5, `all of them counted, it certifies falsely in ${100 * broken} % of the runs`)
  t.equal(kept, 0, 'only those counted that are control under the lower share as well, in none')
})

judgeRule('rule 6: above the leaf only u < 0.02. Counting all control, a safe child at share 1 speaks for a lossy one at 2 %', {
  levels: ['task'],
  before (fold) {
    fold.learn({ type: 'policy', key: 'task=safe', policy: { control_rate: 1 }, by: 'ops' })
    fold.learn({ type: 'policy', key: 'task=lossy', policy: { control_rate: 0.02 }, by: 'ops' })
    fold.learn({ type: 'pin', key: 'task=lossy', pin: { threshold: 0.5, reason: 'a threshold in force', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  },
  * world (random, drop) {
    for (let i = 0; i < 25_000; i++) {
      const u = random()
      const isSafe = random() < 0.1 // of the traffic; the other nine tenths lose
      const context = { task: isSafe ? 'safe' : 'lossy' }
      if (!isSafe && u >= 0.02) continue // treated, and no evidence of anything
      const honest = outcomeOf({ u, context, steps: [stepWith(!isSafe && random() < drop / 0.9 ? 0 : 1)] })
      yield { honest, disguised: { ...honest, u: 0 } }
    }
  },
})
