import { GRID } from '../../src/core/decide/grid.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import type { Predictor } from '../../src/core/scores/predictor.js'
import {
  batches, burst, closedLoop, difficultDays, diurnal, groups, killed, overlapping, ramps, restarted, rollouts, shortLose, sortedBursts,
  steady, trending,
} from '../../test/simulation/arrivals.js'
import { KEY, LEVELS, type World } from '../../test/simulation/enrolment.js'
import {
  armIgnored, besideUnlabelled, cancelled, labelledLate, labelsFrom, partlyLabelled, pooled, retried, silent, spread, stepsFrom,
  withoutSteps,
} from '../../test/simulation/mishaps.js'

export interface Pattern extends World {
  readonly name: string
  /** A sentence for the table in the documentation. */
  readonly note: string
}

/** Certain of every step, so that every threshold stops at the first one. */
const CERTAIN: Predictor = {
  name: 'certain',
  label: 'exact_match',
  levels: LEVELS.join(),
  signals: [],
  contexts: { '*': { log_median: Math.log(100), weights: [11, 0, 0, 0] } },
  grid: GRID,
  trained: { generations: 400, steps: 1000, groups: [] },
}

const reset = (at: number): { at: number, entry: LogEntry } => ({ at, entry: { type: 'reset', key: KEY, by: 'ops', reason: 'simulated' } })
const published = (at: number): { at: number, entry: LogEntry } => ({
  at,
  entry: { type: 'predictor', name: CERTAIN.name, version: { predictor: CERTAIN, created_at: 0, by: 'ops', retired_at: null }, by: 'ops' },
})
/** Without a certificate all generations are control, so a pin is needed to move the share. */
const shares = (from: number, seconds: number): Array<{ at: number, entry: LogEntry }> => [
  { at: from, entry: { type: 'pin', key: KEY, pin: { threshold: 0.99, reason: 'simulated', by: 'ops', expires_at: null }, by: 'ops', reason: 'simulated' } },
  ...Array.from({ length: 20 }, (_, i): { at: number, entry: LogEntry } => ({
    at: from + i * seconds, entry: { type: 'policy', key: KEY, policy: { mode: 'shadow', control_rate: i % 2 === 0 ? 0.3 : 0.9 }, by: 'ops' },
  })),
]

/** Traffic that fooled the certificate when outcomes became evidence as they arrived. */
export const FOOLED: readonly Pattern[] = [
  {
    name: 'a quiet minute, then a burst of 350',
    note: 'Short generations of a burst end first, and those that still run count as lost until they end.',
    traffic: burst,
  },
  {
    name: 'synchronous rollouts of 300',
    note: 'A rollout is one slice, and certifies once nearly all of it has ended.',
    traffic: rollouts,
  },
  {
    name: 'a restart of model servers with 300 slots',
    note: 'All slots start together, and short generations start again before long ones have ended.',
    traffic: restarted,
  },
  {
    name: 'workers begin to send steps after 60 s',
    note: 'The 180 or so before count as lost, so the context needs a reset to certify soon.',
    traffic: stepsFrom(steady(), 60),
  },
  {
    name: 'labels begin to arrive after 60 s',
    note: 'Answers that stopping would not change need no label, so only the others are missing one.',
    traffic: labelsFrom(steady(), 60),
  },
  {
    name: "another context's outcomes wait for labels",
    note: 'Each context has its own limits, so 6,000 unlabelled outcomes of another one displace nothing.',
    traffic: besideUnlabelled(labelledLate(steady(), 'lost')),
  },
  {
    name: 'outcomes come without their steps, 5 %, the longest',
    note: 'Outcomes without their steps count as lost, so nothing is certified while 5 % are.',
    traffic: withoutSteps(steady(), 0.05, 'long'),
  },
]

/** Traffic under which the assumptions of the certificate hold. */
export const ARRIVALS: readonly Pattern[] = [
  {
    name: 'Poisson, four a second',
    note: 'The plain case.',
    traffic: steady(),
  },
  {
    name: 'rollouts of 100 every 10 s, overlapping',
    note: 'Slices hold several rollouts.',
    traffic: overlapping,
  },
  {
    name: 'ramps that double every half second',
    note: 'At every moment most of what runs has just begun.',
    traffic: ramps,
  },
  {
    name: 'a closed loop of 100 slots',
    note: 'A generation starts when another ends, so starts depend on durations.',
    traffic: closedLoop,
  },
  {
    name: '300 slots, killed and restarted every 100 s',
    note: 'Whatever a kill interrupts is missing, and the longest are interrupted most.',
    traffic: killed,
  },
  {
    name: 'diurnal rates and durations',
    note: 'Rate and durations vary over a day, and the chance to lose does not.',
    traffic: diurnal,
  },
  {
    name: 'only the short ones lose',
    note: 'The first arrivals then look worse than the whole.',
    traffic: steady(shortLose),
  },
  {
    name: 'batches of 4,096 sorted steps',
    note: 'A list holds the 256 rows with the smallest hashes, whichever their place.',
    traffic: batches,
  },
  {
    name: 'three replicas, one 4 s behind',
    note: 'Short outcomes arrive before the list of the slow replica, and wait for it.',
    traffic: spread(steady(), 3),
    delays: [0, 0, 4],
  },
  {
    name: 'first steps sent again',
    note: 'A unit enrols once; a unit that enrols again after it ended counts as lost.',
    traffic: retried(steady()),
  },
  {
    name: 'an epoch opens after 70 s',
    note: 'Generations that began before the epoch are not evidence for it.',
    traffic: steady(),
    entries: [reset(70)],
  },
  {
    name: 'an epoch opens 5 s after a burst',
    note: 'The long generations of the burst, which end after the epoch opened, are not evidence for it.',
    traffic: burst,
    entries: [reset(65)],
  },
  {
    name: 'the predictor that the policy names is published after 70 s',
    note: 'An epoch opens with it: what began before is not evidence for it.',
    traffic: steady(),
    entries: [published(70)],
    policy: { score: CERTAIN.name },
  },
  {
    name: 'the predictor that the policy names is published 5 s after a burst',
    note: 'Stragglers of the burst are not evidence for the predictor.',
    traffic: burst,
    entries: [published(65)],
    policy: { score: CERTAIN.name },
  },
  {
    name: 'the control share moves every 20 s',
    note: 'The arm is drawn before anything is known of a generation, at whatever share.',
    traffic: steady(),
    entries: shares(10, 20),
    policy: { mode: 'shadow' },
  },
  {
    name: 'groups of 8',
    note: 'The group is the unit, and half of the groups lose all that is lost.',
    traffic: groups(8),
    looksEverySecond: true,
  },
  {
    name: 'groups of 64',
    note: 'The mean of a group is rounded to an eighth by hash.',
    traffic: groups(64, { seconds: 300, perSecond: 2 }),
    looksEverySecond: true,
  },
  {
    name: 'groups of 8 whose size no outcome states',
    note: 'Such a group is accounted for when its follow-up is over, here after three minutes.',
    traffic: groups(8, { statesSize: false }),
    policy: { follow_up_seconds: 180 },
    looksEverySecond: true,
  },
  {
    name: 'a pool of 20 contexts',
    note: 'Half of the members lose everything that the pool loses.',
    traffic: pooled(steady()),
  },
]

/** Outcomes, labels or steps that are missing or late. */
export const MISSING: readonly Pattern[] = [
  {
    name: '0.2 % never report',
    note: 'Each slice with a missing one counts it as lost.',
    traffic: silent(steady(), 0.002, 'independent'),
  },
  {
    name: '1 % never report',
    note: 'Half of the tolerance is used up by missing outcomes.',
    traffic: silent(steady(undefined, 900), 0.01, 'independent'),
  },
  {
    name: '1 % never report, the longest',
    note: 'The same, whichever are missing.',
    traffic: silent(steady(), 0.01, 'long'),
  },
  {
    name: 'nine of ten lost ones never report',
    note: 'Missing generations count as lost, so hiding losses gains nothing.',
    traffic: silent(steady(), 0, 'lost'),
  },
  {
    name: '40 % cancelled',
    note: 'Cancelled generations are left out, and the drop is that of the others.',
    traffic: cancelled(steady(), 'independent'),
  },
  {
    name: '40 % cancelled, the longest most',
    note: 'Cancelled generations are left out, also where cancelling depends on length.',
    traffic: cancelled(steady(), 'long'),
  },
  {
    name: 'labels of lost ones are slow',
    note: 'An answer that changed counts as lost until its label comes.',
    traffic: labelledLate(steady(), 'lost'),
  },
  {
    name: 'labels of kept ones are slow',
    note: 'An answer that did not change needs no label.',
    traffic: labelledLate(steady(), 'kept'),
  },
  {
    name: '40 % labelled, answers compared',
    note: 'Only the answers that stopping would change need a label; without one they count as lost.',
    traffic: partlyLabelled(steady(), 0.4, 0),
    looksEverySecond: true,
  },
  {
    name: '40 % labelled, a tenth changes between wrong answers',
    note: 'Six in a hundred changed answers never get a label and count as lost, so nothing is certified.',
    traffic: partlyLabelled(steady(), 0.4),
    looksEverySecond: true,
  },
  {
    name: 'groups of 8, 1 % of samples never report',
    note: 'A missing sample counts as lost within the mean of its group.',
    traffic: silent(groups(8), 0.01, 'independent'),
    looksEverySecond: true,
  },
  {
    name: 'workers stop 1 % of control',
    note: 'A control generation that was stopped is missing.',
    traffic: armIgnored(steady(), 0.01),
  },
]

/** Traffic that is sorted or trending within a certificate, against which nothing protects. */
export const KNOWN_FALSE: readonly Pattern[] = [
  {
    name: 'easy for 5 minutes, then hard',
    note: 'The certificate is right for the first five minutes only.',
    traffic: trending(600),
  },
  {
    name: 'a day of 20 minutes whose middle is hard',
    note: 'The same, every morning.',
    traffic: difficultDays(1200),
  },
  {
    name: 'easy and hard in turns of 30 s',
    note: 'Each slice holds about one turn, which is enough.',
    traffic: difficultDays(60),
  },
  {
    name: 'a sorted burst of 8,000 within 2 s',
    note: 'All are enrolled at once, and the easy ones end first.',
    traffic: sortedBursts,
  },
]

export const PATTERNS: readonly Pattern[] = [...FOOLED, ...ARRIVALS, ...MISSING]
