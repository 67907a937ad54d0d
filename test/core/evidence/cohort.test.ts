import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/stats/certificate.js'
import { prefixesAt } from '../../../src/core/stats/prefixes.js'
import { mergeEvidence } from '../../../src/core/stats/evidence-sum.js'
import { differencesAt, noEvidence } from '../../../src/core/stats/evidence.js'
import { MAX_EARLY_OUTCOMES } from '../../../src/core/evidence/admission.js'
import { Cohort, MAX_OPEN_ENROLMENTS, MAX_AWAITING_LABELS } from '../../../src/core/evidence/cohort.js'
import { restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import { holds, numRuns } from '../../property.js'
import {
  cohortWith, draws, entryOf, FOLLOW_UP, KEPT, known, LOST, report, restored, RULES, rulesWith, SLICE_LEAST, SLICE_MOST,
  unitWith,
} from './cohort-fixtures.js'
import { addTotals, aloneOf, events, NO_TOTALS, ofStatedSamples, Player, rules, timed } from './random-cohort.js'

/** Thirds of a unit do not add exactly. */
const rounded = <T>(value: T): T => JSON.parse(JSON.stringify(value, (_, part) => typeof part === 'number' ? Math.round(part * 1e6) / 1e6 : part))

t.test('E2: only units below the share are enrolled', async (t) => {
  const cohort = new Cohort('1-1')
  cohort.enrol(entryOf([0.1, 0.29, 0.3, 0.59, 0.6, 0.9], { share: 0.3 }), 0, RULES)
  t.strictSame([...cohort.members.keys()], [0.1, 0.29])
})

t.test('law 6: the order of enrolment is the order of the entries', async (t) => {
  const cohort = cohortWith([0.5, 0.4], 0)
  cohort.enrol(entryOf([0.1, 0.9]), 5, RULES)
  t.strictSame([...cohort.members.keys()], [0.5, 0.4, 0.1, 0.9])
})

t.test('E2: a context holds 16,384 open units; those beyond stay void', async (t) => {
  const cohort = cohortWith(draws(MAX_OPEN_ENROLMENTS - 1))
  const [last, ...rest] = draws(3, MAX_OPEN_ENROLMENTS)
  t.match(cohort.enrol(entryOf([last!, ...rest]), 0, RULES), [{ u: last }], 'there is room for one')
  t.match(cohort.takeCounts(), { enrolled: MAX_OPEN_ENROLMENTS, void: 2, left_out: 2 })
  report(cohort, last!, KEPT, 1)
  t.strictSame(cohort.enrol(entryOf([rest[0]!]), 2, RULES), [], 'room that comes later does not help it')
})

t.test('E2: the draws of a void entry never enrol', async (t) => {
  const cohort = new Cohort('1-1')
  t.strictSame(cohort.enrol(entryOf([0.1]), 0, RULES, 'age'), [])
  t.strictSame(cohort.enrol(entryOf([0.1]), FOLLOW_UP - 1, RULES), [])
  t.strictSame(cohort.takeCounts(), { enrolled: 0, void: 1, left_out: 1 })
})

t.test('E2: the units of a void entry are left out, except for the epoch before', async (t) => {
  const cohort = new Cohort('1-1')
  cohort.enrol(entryOf([0.1, 0.3, 0.7], { share: 0.5 }), 0, RULES, 'age')
  t.strictSame(cohort.takeCounts(), { enrolled: 0, void: 2, left_out: 2 })
  cohort.enrol(entryOf([0.2], { share: 0.5 }), 0, RULES, 'epoch')
  t.strictSame(cohort.takeCounts(), { enrolled: 0, void: 1, left_out: 0 })
  for (const one of [cohort, restored(cohort)]) t.strictSame([0.1, 0.2, 0.4].map((u) => one.isExplained(u, 1)), [true, true, false])
})

t.test('E2: units that are accounted for do not make room for void ones', async (t) => {
  const cohort = new Cohort('1-1')
  cohort.enrol(entryOf([0.123]), 0, RULES, 'age')
  const others = draws(10_000)
  for (let i = 0; i < others.length; i += 100) {
    cohort.enrol(entryOf(others.slice(i, i + 100)), i, RULES)
    for (const u of others.slice(i, i + 100)) report(cohort, u, KEPT, i)
  }
  t.strictSame(cohort.enrol(entryOf([0.123]), 10_000, RULES), [])
})

t.test('E2: a unit enrols once, however often it is drawn', async (t) => {
  const cohort = cohortWith([0.1, 0.1, 0.2])
  cohort.enrol(entryOf([0.1]), 10, RULES)
  t.strictSame([...cohort.members.keys()], [0.1, 0.2])
  t.match(cohort.slices, [{ enrolled: 2, open: 2 }])
  report(cohort, 0.1, KEPT, 20)
  t.strictSame(cohort.enrol(entryOf([0.1]), 30, RULES), [], 'not while it is remembered')
  t.strictSame(cohort.takeCounts(), { enrolled: 2, void: 0, left_out: 0 })
})

t.test('E2: without room for another early outcome, its unit can be made void, and others enrol as before', async (t) => {
  const cohort = new Cohort('1-1')
  const early = (i: number) => ({ u: i / 1e6, generation_id: `g${i}`, until: RULES.wait })
  for (let i = 0; i < MAX_EARLY_OUTCOMES; i++) if (!cohort.addEarly(early(i))) t.fail(`${i}`)
  t.notOk(cohort.addEarly(early(900_000)))
  cohort.addVoid(0.9, 0, RULES)
  t.match(cohort.enrol(entryOf([0.9, 0.7]), 1, RULES), [{ u: 0.7 }])
})

t.test('E2: an outcome whose entry does not arrive in time is given up', async (t) => {
  const cohort = new Cohort('1-1')
  cohort.addEarly({ u: 0.5, generation_id: 'a', until: 100 })
  cohort.addEarly({ u: 0.6, generation_id: 'b', until: 200 })
  t.strictSame(cohort.dropEarly(99), [])
  t.match(cohort.dropEarly(100), [{ generation_id: 'a' }])
  t.strictSame(cohort.takeEarly(0.5), [])
  t.match(cohort.takeEarly(0.6), [{ generation_id: 'b' }])
  t.equal(cohort.early, 0)
})

t.test('E3: a slice ends at 32 control enrolments, but not before a 64th of the follow-up, and at the latest after a sixteenth', async (t) => {
  const cohort = cohortWith(draws(100))
  cohort.advance(SLICE_LEAST - 1, RULES)
  t.equal(cohort.slices[0]!.ends, null, 'a burst falls into one slice')
  cohort.advance(SLICE_LEAST, RULES)
  t.equal(cohort.slices[0]!.ends, SLICE_LEAST)

  const slow = cohortWith(draws(31))
  slow.advance(SLICE_MOST - 1, RULES)
  t.equal(slow.slices[0]!.ends, null)
  slow.advance(SLICE_MOST, RULES)
  t.equal(slow.slices[0]!.ends, SLICE_MOST)
  slow.enrol(entryOf(draws(1, 31)), SLICE_MOST, RULES)
  t.match(slow.slices, [{ number: 0 }, { number: 1, begins: SLICE_MOST, ends: null }])
})

t.test('E3: an entry that comes after the slice was due begins the next', async (t) => {
  const cohort = cohortWith(draws(40))
  cohort.enrol(entryOf(draws(1, 40)), SLICE_LEAST, RULES)
  t.match(cohort.slices, [{ enrolled: 40, ends: SLICE_LEAST }, { enrolled: 1 }])
})

t.test('E3: slices are never merged or dropped: those of a day stay until the first is final', async (t) => {
  const rules = rulesWith({ followUp: 86_400_000 })
  const us = draws(288)
  const cohort = new Cohort('1-1')
  for (const [i, u] of us.entries()) {
    cohort.enrol(entryOf([u]), 300_000 * i, rules)
    if (i > 0) report(cohort, u, KEPT, 300_000 * i, 1, rules)
  }
  const enrolled = us.map((_, i) => [i, 1])
  for (const one of [cohort, restored(cohort)]) t.strictSame(one.slices.map((slice) => [slice.number, slice.enrolled]), enrolled)
  t.strictSame(cohort.takeFinal(), [])
  cohort.advance(86_400_000, rules)
  t.match(cohort.takeFinal(), us.map((_, number) => ({ number, counts: { missing: number === 0 ? 1 : 0 } })))
})

t.test('E3: a slice is final when each of its units is accounted for, not when as many outcomes have arrived', async (t) => {
  const cohort = cohortWith([0.1, 0.2])
  cohort.advance(SLICE_MOST, RULES)
  cohort.enrol(entryOf([0.3, 0.4]), SLICE_MOST, RULES)
  report(cohort, 0.1, KEPT, SLICE_MOST)
  report(cohort, 0.3, KEPT, SLICE_MOST)
  report(cohort, 0.4, KEPT, SLICE_MOST)
  cohort.advance(2 * SLICE_MOST, RULES)
  t.strictSame(cohort.takeFinal(), [], 'the second slice does not go before the first')
  report(cohort, 0.2, KEPT, 2 * SLICE_MOST)
  t.strictSame(cohort.takeFinal().map(({ number }) => number), [0, 1])
  t.strictSame(cohort.takeFinal(), [], 'each once')
})

t.test('E4: units that are not accounted for count as lost in every prefix', async (t) => {
  const cohort = cohortWith([0.1, 0.2, 0.3])
  report(cohort, 0.1, KEPT, 0)
  t.strictSame(cohort.openEvidence(RULES), [], 'the slice has not ended')
  cohort.advance(SLICE_MOST, RULES)
  const [open] = cohort.openEvidence(RULES)
  t.match(open, { evidence: { generations: 1 }, unaccounted: 2 })
  const prefixes = prefixesAt(noEvidence(2), [open!], 1)
  t.match(prefixes, [{ lost: 0, kept: 0, gained: 0 }, { lost: 2, kept: 1, gained: 0 }])
})

t.test('E5: a member is missing one follow-up after its own entry, not a moment sooner', async (t) => {
  const cohort = cohortWith([0.1], 0)
  cohort.enrol(entryOf([0.2]), 1000, RULES)
  cohort.advance(FOLLOW_UP - 1, RULES)
  t.equal(cohort.open, 2)
  cohort.advance(FOLLOW_UP, RULES)
  t.strictSame([...cohort.members.keys()], [0.2])
  t.ok(cohort.isLate({ u: 0.1 }, 2 * FOLLOW_UP))
  t.ok(cohort.isExplained(0.1, FOLLOW_UP), 'its outcome has nothing to wait for')
  cohort.advance(FOLLOW_UP + 1000, RULES)
  const [slice] = cohort.takeFinal()
  t.match(slice, { counts: { missing: 2, accounted: 0 } })
  t.match(slice!.evidence, { generations: 2, lost: [2, 2] })
})

t.test('E5: missing outcomes are lost, missing labels at their worst, cancelled generations left out', async (t) => {
  const counted = (changes: Parameters<typeof rulesWith>[0], what: Parameters<typeof report>[2] | null) => {
    const rules = rulesWith({ worstUnit: () => unitWith(0, 1), ...changes })
    const cohort = cohortWith([0.1], 0, rules)
    if (what !== null) report(cohort, 0.1, what, 0, 1, rules)
    const unlabelled = cohort.advance(FOLLOW_UP, rules)
    const [slice] = cohort.takeFinal()
    const { generations = 0, lost = [] } = slice!.evidence ?? {}
    return { generations, lost: generations === 0 ? [] : lost, ...slice!.counts, unlabelled }
  }
  const awaits = { kind: 'awaits_label', generation_id: 'g' } as const
  const none = { accounted: 0, missing: 0, cancelled: 0, unlabelled: [] }
  t.strictSame(counted({}, null), { ...none, generations: 1, lost: [1, 1], missing: 1 })
  t.strictSame(counted({}, { kind: 'missing' }), { ...none, generations: 1, lost: [1, 1], missing: 1 })
  t.strictSame(counted({}, awaits), { ...none, generations: 1, lost: [0, 1], missing: 1, unlabelled: ['g'] }, 'E6: lost where its answer would have changed')
  t.strictSame(counted({ worstUnit: () => null }, awaits), { ...none, generations: 1, lost: [1, 1], missing: 1, unlabelled: ['g'] }, 'nothing is known of it')
  t.strictSame(counted({}, { kind: 'cancelled' }), { ...none, generations: 0, lost: [], cancelled: 1 })
  t.strictSame(counted({}, KEPT), { ...none, generations: 1, lost: [0, 0], accounted: 1 })
})

t.test('E7: a group is one unit, accounted for when all its samples are in', async (t) => {
  const cohort = cohortWith([0.1])
  for (const what of [KEPT, LOST, KEPT]) report(cohort, 0.1, what, 0, 4)
  cohort.advance(SLICE_MOST, RULES)
  t.strictSame(differencesAt(cohort.openEvidence(RULES)[0]!.evidence, 0).partial, [[4, 1]], 'two of four, the missing one being lost')
  t.equal(cohort.open, 1)
  report(cohort, 0.1, KEPT, SLICE_MOST, 4)
  const [slice] = cohort.takeFinal()
  t.match(slice!.evidence, { generations: 1, full_tokens: 400 })
  t.strictSame(differencesAt(slice!.evidence!, 0).partial, [[2, 1]])
  t.strictSame(slice!.counts, { accounted: 1, missing: 0, cancelled: 0 })
})

t.test('E7: if no outcome states the number of samples, the group counts as lost until its follow-up is over', async (t) => {
  const cohort = cohortWith([0.1])
  report(cohort, 0.1, KEPT, 0, null)
  report(cohort, 0.1, KEPT, 0, null)
  cohort.advance(SLICE_MOST, RULES)
  t.match(cohort.openEvidence(RULES), [{ unaccounted: 1 }])
  cohort.advance(FOLLOW_UP, RULES)
  const [slice] = cohort.takeFinal()
  t.match(slice!.evidence, { generations: 1, lost: [0, 0] })
})

t.test('E7: a number of samples that is known late holds for all, and the largest one of those that disagree', async (t) => {
  const cohort = cohortWith([0.1, 0.2])
  report(cohort, 0.1, KEPT, 0, null)
  report(cohort, 0.1, KEPT, 0, 2)
  t.notOk(cohort.members.has(0.1), 'both are in')
  report(cohort, 0.2, KEPT, 0, 3)
  report(cohort, 0.2, KEPT, 0, 2)
  t.ok(cohort.members.has(0.2), 'a smaller number does not drop the third sample')
})

t.test('E7: a number of samples that is too small leaves no negative counts', async (t) => {
  const cohort = cohortWith([0.1])
  for (let i = 0; i < 3; i++) report(cohort, 0.1, LOST, 0, null)
  report(cohort, 0.1, KEPT, 0, 2)
  cohort.advance(SLICE_MOST, RULES)
  const [slice] = cohort.takeFinal()
  t.strictSame(slice!.counts, { accounted: 1, missing: 0, cancelled: 0 })
  t.strictSame(differencesAt(slice!.evidence!, 0).partial, [[6, 1]])
})

t.test('a stored cohort remembers units that may not enrol, waiting outcomes, and when its evidence was looked at', async (t) => {
  const cohort = cohortWith([0.1, 0.2])
  cohort.advance(FOLLOW_UP, RULES)
  cohort.addEarly({ u: 0.3, generation_id: 'g', until: FOLLOW_UP + 5 })
  cohort.noteLook(7)
  const copy = restored(cohort)
  t.ok(copy.isLate({ u: 0.1 }, 2 * FOLLOW_UP))
  t.match(copy, { early: 1, earlyIds: ['g'] })
  t.notOk(copy.isLookDue(FOLLOW_UP, 1), 'nothing has changed')
  copy.enrol(entryOf([0.4]), FOLLOW_UP, RULES)
  t.ok(!copy.isLookDue(8, 2) && copy.isLookDue(9, 2))
  t.ok(copy.isExplained(0.1, FOLLOW_UP))
})

t.test('every change of a cohort marks it for the next commit', async (t) => {
  const cohort = cohortWith([0.1, 0.2])
  const marks = (change: () => unknown) => {
    cohort.isDirty = false
    change()
    return cohort.isDirty
  }
  t.ok(marks(() => cohort.addEarly({ u: 0.5, generation_id: 'g', until: 1 })))
  t.ok(marks(() => cohort.dropEarly(1)))
  t.ok(marks(() => report(cohort, 0.1, KEPT, 3)))
  t.ok(marks(() => cohort.advance(FOLLOW_UP, RULES)))
  t.ok(marks(() => cohort.takeFinal()))
  t.ok(marks(() => cohort.enrol(entryOf([0.1]), FOLLOW_UP, RULES, 'age')))
  t.notOk(marks(() => cohort.advance(FOLLOW_UP, RULES)))
})

t.test('every enrolled unit is accounted for exactly once, whatever the order of events and however slices merge', async (t) => {
  holds(t, fc.property(events, (all) => {
    const story = timed(all)
    const player = new Player(rules)
    for (const one of story) player.play(one)
    const end = story.at(-1)!.clock + 3 * FOLLOW_UP
    player.advance(end)
    player.advance(end + FOLLOW_UP)
    const alone = [...aloneOf(story, rules).values()].reduce(addTotals, NO_TOTALS)
    const sorted = ({ partial = {}, ...rest }: typeof alone.evidence) => ({ ...rest, partial: Object.entries(partial).sort() })
    assert.deepEqual(sorted(player.totals.evidence), sorted(alone.evidence))
    assert.deepEqual(rounded(player.totals.counts), rounded(alone.counts))
    const { accounted, missing, cancelled } = player.totals.counts
    assert.equal(rounded(accounted + missing + cancelled), player.sliceOf.size)
    assert.deepEqual([player.cohort.open, player.cohort.slices], [0, []])
  }), 60)
})

t.test('counting those that are not accounted for as lost never makes a prefix\'s evidence larger than it is in the end', async (t) => {
  const runs = numRuns(20, 40)
  let looks = 0
  holds(t, fc.property(events, (all) => {
    const story = ofStatedSamples(timed(all)) // more samples would dilute the mean of those that are known
    const alone = aloneOf(story, rules)
    const player = new Player(rules)
    for (const one of story) {
      player.play(one)
      for (const { differences, units } of player.prefixes()) {
        const final = units.reduce((sum, u) => mergeEvidence(sum, alone.get(u)!.evidence), noEvidence(2))
        for (const k of [0, 1]) {
          const [now, then] = [differences[k]!, differencesAt(final, k)].map((one) => logEvidence(0.02, one))
          assert.ok(now! <= then! + 1e-9, `${now} > ${then} at ${k}`)
          looks++
        }
      }
    }
  }), runs)
  t.ok(looks > 125 * runs, `${looks} looks`)
})

t.test('16,384 samples of a context may await their labels; a label or the end of a follow-up makes room', async (t) => {
  const cohort = cohortWith([0.1])
  report(cohort, 0.1, { kind: 'awaits_label', generation_id: 'a' }, 0, null)
  cohort.enrol(entryOf([0.2]), SLICE_MOST, RULES)
  report(cohort, 0.2, { kind: 'awaits_label', generation_id: 'b' }, SLICE_MOST, null)
  const stored = storeCohort(cohort)
  const waiting = Array.from({ length: MAX_AWAITING_LABELS - 2 }, (_, i) => `b${i}`)
  const full = restoreCohort({ ...stored, reports: stored.reports.map((one) => one.u === 0.2 ? { ...one, waiting } : one) })
  t.ok(full.hasRoomForLabel)
  report(full, 0.2, { kind: 'awaits_label', generation_id: 'b' }, SLICE_MOST, null)
  t.notOk(full.hasRoomForLabel)
  full.label(full.members.get(0.2)!, { generation_id: 'b0', unit: null }, SLICE_MOST, RULES)
  t.ok(full.hasRoomForLabel)
  report(full, 0.2, { kind: 'awaits_label', generation_id: 'b0' }, SLICE_MOST, null)
  t.notOk(full.hasRoomForLabel)
  full.advance(FOLLOW_UP, RULES)
  t.ok(full.hasRoomForLabel, 'the first unit is given up')
})

t.test('the samples of a group may be reported in any order', async (t) => {
  const reports = [KEPT, LOST, known(1, 0), known(0, -1), { kind: 'missing' } as const, { kind: 'cancelled' } as const]
  holds(t, fc.property(fc.shuffledSubarray(reports, { minLength: 6 }), (shuffled) => {
    const outcome = (order: typeof shuffled) => {
      const cohort = cohortWith([0.1])
      for (const what of order) report(cohort, 0.1, what, 0, 6)
      cohort.advance(SLICE_MOST, RULES)
      return cohort.takeFinal()[0]
    }
    assert.deepEqual(outcome(shuffled), outcome(reports))
  }), 50)
})
