import t from 'tap'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { type EndedEpoch, type EpochCause, type Looks, looksAfter, lookShare, totalLevel } from '../../../src/core/stats/error-budget.js'

const AGE = 1000 * DEFAULT_POLICY.max_evidence_age_seconds

type Opening = readonly [cause: EpochCause, time: number, units?: number]

/** The looks of the epochs that such causes open, each with reports, at a time of the log. */
function looksOf (...openings: readonly Opening[]): Looks[] {
  let ended: EndedEpoch | undefined
  return openings.map(([cause, time, units = 1]) => {
    const looks = looksAfter(ended, cause, DEFAULT_POLICY, time)
    ended = { looks, error_level: 0.05, is_served: false, is_reported: units > 0, units }
    return looks
  })
}

const shares = (...openings: readonly Opening[]) => looksOf(...openings).map(lookShare)

/** An epoch that had a report, and no threshold. */
const REPORTED = { error_level: 0.05, is_served: false, is_reported: true, units: 1 }

t.test('E9: epochs that people open share the level: the k-th after the first has 1 / (k (k + 1)) of it', async (t) => {
  const all = looksOf(['first_enrolment', 0], ['policy', 1], ['configuration', 2], ['reset', 3])
  t.strictSame(all.map(lookShare), [1, 1 / 2, 1 / 6, 1 / 12])
  let total = 0
  for (const looks of all) {
    total += 0.05 * lookShare(looks)
    t.ok(Math.abs(totalLevel(looks, { error_level: 0.05 }) - total) < 1e-12)
  }
  t.ok(totalLevel({ count: 1e6, level: 0.05 }, { error_level: 0.05 }) < 0.1)
})

t.test('E9: the total is stated for the largest level that an epoch within it had', async (t) => {
  const total = (...levels: readonly number[]) => {
    let ended: EndedEpoch | undefined
    for (const [i, error_level] of levels.entries()) {
      ended = { ...REPORTED, looks: looksAfter(ended, 'policy', DEFAULT_POLICY, i), error_level }
    }
    return totalLevel(ended!.looks, ended!)
  }
  t.strictSame([total(0.05), total(0.5, 0.05), total(0.05, 0.5), total(0.05, 0.5, 0.05)], [0.05, 0.75, 0.75, 0.5 * (2 - 1 / 3)])

  const spent: EndedEpoch = { ...REPORTED, looks: { count: 1, at: 0, level: 0.5, uncertified: 0 } }
  const levelAt = (cause: EpochCause, time: number, ended = spent) => looksAfter(ended, cause, DEFAULT_POLICY, time).level
  t.equal(levelAt('drift', 1), 0.5)
  t.equal(levelAt('policy', AGE), 0.05, 'an evidence age later only the epoch that ends is before this look')
  t.equal(levelAt('drift', AGE), 0, 'this epoch is the first again')
  t.equal(levelAt('policy', 1, { ...spent, looks: { ...spent.looks, level: 0.05 }, error_level: 0.5, is_reported: false }), 0.05, 'nothing was tested at a half')
})

t.test('E9: other epochs have the share of the one before', async (t) => {
  t.strictSame(shares(['first_enrolment', 0], ['checkpoint', 1], ['drift', 2], ['breach', 3], ['evidence_stale', 4]), [1, 1, 1, 1, 1])
  t.strictSame(shares(['first_enrolment', 0], ['policy', 1], ['checkpoint', 2], ['reset', 3], ['drift', 4]), [1, 1 / 2, 1 / 2, 1 / 6, 1 / 6])
})

t.test('E9: an epoch without any report was no look', async (t) => {
  t.strictSame(shares(['first_enrolment', 0, 0], ['policy', 1, 0], ['policy', 2, 1], ['policy', 3, 0], ['reset', 4]), [1, 1, 1, 1 / 2, 1 / 2])
  t.strictSame(shares(['first_enrolment', 0], ['checkpoint', 1, 0], ['policy', 2]), [1, 1, 1], 'the policy takes the place of the checkpoint')
})

t.test('E9: the number of looks falls by one in each evidence age', async (t) => {
  const looks = (...openings: readonly Opening[]) => looksOf(...openings).map(({ count }) => count)
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', 2], ['drift', AGE + 1], ['drift', AGE + 2], ['drift', 2 * AGE + 2]), [0, 1, 2, 2, 1, 0])
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', AGE], ['policy', 3 * AGE]), [0, 1, 2, 1], 'also where it rises again')
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', 2], ['drift', 1.5 * AGE], ['drift', 2 * AGE + 1], ['drift', 2 * AGE + 2]), [0, 1, 2, 1, 1, 0],
    'what has passed of an age is not lost')
  t.strictSame(looks(['first_enrolment', 0], ['policy', 10], ['drift', 1]), [0, 1, 1], 'times that go back')
})

t.test('E9: no look renews the free units, also where nothing was reported; other epochs and a threshold in force do', async (t) => {
  const uncertified = (...openings: readonly Opening[]) => looksOf(...openings).map(({ uncertified }) => uncertified)
  t.strictSame(uncertified(['first_enrolment', 0, 5], ['policy', 1, 6], ['reset', 2, 0], ['repair', 3, 7], ['recovered', 4]), [0, 5, 11, 11, 18])
  t.strictSame(uncertified(['first_enrolment', 0, 5], ['policy', 1, 6], ['checkpoint', 2, 7], ['reset', 3]), [0, 5, 0, 7])
  const served = { looks: looksOf(['first_enrolment', 0, 5], ['policy', 1, 300]).at(-1)!, error_level: 0.05, is_served: true, is_reported: true, units: 300 }
  t.equal(looksAfter(served, 'reset', DEFAULT_POLICY, 2).uncertified, 0)
})

t.test('E9: a short evidence age renews no look sooner than in a week', async (t) => {
  const ended: EndedEpoch = { ...REPORTED, looks: { count: 10, at: 0, level: 0.05, uncertified: 0 } }
  const after = (age: number, seconds: number) => looksAfter(ended, 'drift', { max_evidence_age_seconds: age }, 1000 * seconds).count
  t.same([after(1, 60), after(1, 604_799), after(1, 604_800), after(1_000_000, 604_800)], [10, 10, 9, 10])
})
