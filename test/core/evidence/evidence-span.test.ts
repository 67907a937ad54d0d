import t from 'tap'
import { sumFrom } from '../../../src/core/stats/evidence-sum.js'
import { noEvidence } from '../../../src/core/stats/evidence.js'
import { mergeEvidence } from '../../../src/core/stats/evidence-sum.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import {
  addFinalSlice, gatheredUnits, gatheringShare, mayLongestCertify, newSpan, packSpan, PrefixSpans, shareWithRoom, spanOf, unpackSpan,
} from '../../../src/core/evidence/evidence-span.js'
import { newSlice, type Slice } from '../../../src/core/evidence/slice.js'
import { Traffic } from '../../../src/core/evidence/traffic.js'
import { takeEvidence } from '../../../src/core/learn/take-evidence.js'
import { evidenceOfUnits, type Look, openOf, type ReferenceSlice } from '../stats/reference-looks.js'
import { policyWith } from '../learn/memory-fold.js'
import { vectors } from '../../test-data.js'
import { changed } from '../../changed-state.js'

const LOOKS: readonly Look[] = vectors('evidence').looks

function sliceOf (reference: ReferenceSlice, i: number): Slice {
  const { evidence, unaccounted } = openOf(reference)
  const known = evidence.generations === 0 ? null : sumFrom(evidence)
  const times = { ...newSlice(i, 1000 * reference.begin, 0), ends: 1000 * reference.end }
  return { ...times, enrolled: reference.units.length, open: unaccounted, evidence: known }
}

/** The look when so many slices were final. */
function lookAfter ({ slices, evidence_span_seconds: seconds }: Look, final: number) {
  let [evidence, span] = [noEvidence(3), newSpan(3, 1000 * seconds)]
  for (const slice of slices.slice(0, final).map(sliceOf)) {
    evidence = mergeEvidence(evidence, slice.evidence!)
    span = addFinalSlice(span, slice, 1000 * seconds)
  }
  const rest = slices.slice(final)
  return { evidence, span, slices: rest.map((slice, i) => sliceOf(slice, final + i)), open: rest.map(openOf) }
}

/** How many slices are final at the most. */
const finalOf = ({ slices }: Look): number => {
  const open = slices.findIndex(({ units }) => units.some(({ d }) => d === null))
  return open === -1 ? slices.length : open
}

t.test('E8: a prefix meets the conditions where the reference does, however many slices are final', async (t) => {
  t.ok(LOOKS.length > 8)
  for (const look of LOOKS) {
    const { name, max_em_drop: a, evidence_span_seconds: seconds, prefixes } = look
    for (let final = 0; final <= finalOf(look); final++) {
      const spans = new PrefixSpans(lookAfter(look, final), 1000 * seconds)
      for (const { slices: count, spans: isLong, quarter: isEven, ln_evidence_known_since: known } of prefixes) {
        if (count < final) continue // it was looked at before
        const what = `${name}, ${count} slices of which ${final} are final`
        if (spans.isSpread(count - final) !== (isLong && isEven)) t.fail(what)
        for (const k of [0, 1, 2]) if (spans.isContradicted(count - final, k, a) !== (known[k]! < 0)) t.fail(`${what}, threshold ${k}`)
      }
    }
  }
})

t.test('E8: what the reference certifies is certified', async (t) => {
  for (const look of LOOKS) {
    const { name, max_em_drop, error_level, look: count, evidence_span_seconds } = { error_level: 0.05, ...look }
    const policy = policyWith({ max_em_drop, error_level, evidence_span_seconds })
    const opened = openEpoch(undefined, { cause: 'first_enrolment', policy, levels: [], time: 0, name: '1-1' })
    for (const final of [0, Math.min(3, finalOf(look))]) {
      const { evidence, span, ...looked } = lookAfter(look, final)
      const state = changed(opened, { epoch: { looks: { count, at: 0, level: 0, uncertified: 0 } }, evidence: { final: evidence, span } })
      t.equal(takeEvidence(state, looked, policy).evidence.certified, look.certified, `${name}, of which ${final} slices are final`)
    }
  }
})

const SPAN = 1_800_000
const POLICY = policyWith({ evidence_span_seconds: SPAN / 1000, follow_up_seconds: 1800 })

/** Slices of lossless units, one after the other. */
function lossless (...slices: ReadonlyArray<readonly [seconds: number, units: number]>): Slice[] {
  let begin = 0
  return slices.map(([seconds, units], i) => {
    const slice = sliceOf({ begin, end: begin + seconds, units: Array.from({ length: units }, () => ({ d: [0] })) }, i)
    begin += seconds
    return { ...slice, evidence: sumFrom(evidenceOfUnits(Array.from({ length: units }, () => [0]), 1)) }
  })
}

/** Whether the prefix of all these final slices is spread over its time, and how many runs are remembered. */
function spreadOf (slices: readonly Slice[]) {
  let [evidence, span] = [noEvidence(1), newSpan(1, SPAN)]
  let most = 0
  for (const slice of slices) {
    evidence = mergeEvidence(evidence, slice.evidence!)
    span = addFinalSlice(span, slice, SPAN)
    most = Math.max(most, span.recent.length)
  }
  return { isSpread: new PrefixSpans({ evidence, span, slices: [], open: [] }, SPAN).isSpread(0), most, span }
}

const repeated = (count: number, seconds: number, units: number) => Array.from({ length: count }, () => [seconds, units] as const)

t.test('E8: a prefix spans its time from the first of its own units', async (t) => {
  t.notOk(spreadOf(lossless(...repeated(18, 99, 9))).isSpread)
  t.ok(spreadOf(lossless(...repeated(18, 100, 9))).isSpread)
  const late = lossless(...repeated(18, 100, 9)).map((slice) => ({ ...slice, begins: slice.begins + 1e6, ends: slice.ends! + 1e6 }))
  t.ok(spreadOf(late).isSpread)
  t.notOk(spreadOf(late.slice(1)).isSpread)
})

t.test('E8: no sixth of a span may hold more than a quarter of the units, whenever it was', async (t) => {
  const quiet = repeated(24, 100, 9) // 216 units in 2,400 s
  for (const at of [0, 5, 24]) {
    const busy = (units: number) => lossless(...quiet.slice(0, at), [100, units], ...quiet.slice(at))
    t.ok(spreadOf(busy(48)).isSpread, `66 of 264 in 300 s, at ${at}`)
    t.notOk(spreadOf(busy(49)).isSpread, `67 of 265, at ${at}`)
  }
})

t.test('many short slices are remembered in a few runs', async (t) => {
  const { isSpread, most } = spreadOf(lossless(...repeated(2000, 1, 1)))
  t.ok(isSpread)
  t.ok(most <= 40, `${most} runs`)
})

t.test('E8: a span that was stored goes on as it was', async (t) => {
  const slices = lossless(...repeated(30, 100, 9))
  let [whole, stored] = [newSpan(1, SPAN), newSpan(1, SPAN)]
  for (const slice of slices) {
    whole = addFinalSlice(whole, slice, SPAN)
    stored = unpackSpan(JSON.parse(JSON.stringify(packSpan(addFinalSlice(stored, slice, SPAN)))), 1)
    t.strictSame(stored, whole)
  }
})

t.test('E8: without a span the rule is off', async (t) => {
  const policy = policyWith({ evidence_span_seconds: 0 })
  t.equal(spanOf(policy), 0)
  t.ok(mayLongestCertify(newSpan(1, 0), 0, 0.02))
  t.notOk(mayLongestCertify(newSpan(1, SPAN), 0, 0.02))
  const traffic = new Traffic()
  t.equal(gatheringShare({ policy, traffic, clock: 0, open: 0 }), 1)
  t.equal(shareWithRoom({ policy, traffic, clock: 0, open: 16_000 }), 1)
})

/** Traffic of so many generations a second for so long, of which a share is control. */
function trafficOf (perSecond: number, seconds: number, share = 1): Traffic {
  const traffic = new Traffic()
  for (let second = 0; second < seconds; second++) traffic.add(perSecond * share, perSecond, 1000 * second, SPAN)
  return traffic
}

t.test('E8: the share gathers five times the units of a first certificate in each span', async (t) => {
  t.equal(gatheredUnits(POLICY), 5 * 186)
  t.equal(gatheredUnits(policyWith({ max_em_drop: 0.05 })), 5 * 73)
  const shareAfter = (perSecond: number, seconds: number, share?: number) =>
    gatheringShare({ policy: POLICY, traffic: trafficOf(perSecond, seconds, share), clock: 1000 * seconds, open: 0 })
  t.equal(shareAfter(1, 59), 0.25, 'at most a quarter in the first minute')
  for (const seconds of [60, 300, 1799, 1800, 7200]) {
    const gathered = shareAfter(4, seconds, 0.1) * 4 * 1800
    t.ok(Math.abs(gathered / 930 - 1) < 0.02, `${gathered} after ${seconds} s`)
  }
  t.equal(shareAfter(0.1, 1800), 1, 'there is less traffic')
  t.equal(gatheringShare({ policy: POLICY, traffic: new Traffic(), clock: 5e6, open: 0 }), 0.25)
  const short = policyWith({ evidence_span_seconds: 60 })
  t.ok(gatheringShare({ policy: short, traffic: trafficOf(100, 2), clock: 2000, open: 0 }) < 0.2, 'the first minute of a short span is shorter')
})

t.test('E8: no more than 8,192 open units are expected', async (t) => {
  const room = (share: number, seconds: number, open: number, policy = POLICY) =>
    shareWithRoom({ policy, traffic: trafficOf(100, seconds, share), clock: 1000 * seconds, open })
  const isNear = (found: number, expected: number) => Math.abs(found / expected - 1) < 1e-9
  t.ok(isNear(room(0.1, 3600, 8192), 0.1), 'all that there is room for are open')
  t.ok(isNear(room(0.1, 3600, 16_384), 0.05))
  t.ok(isNear(room(0.1, 900, 900), 0.1 * 8192 / 1800), 'half of the follow-up is over, and twice as many will be open after it')
  t.ok(isNear(room(0.1, 3600, 8192, { ...POLICY, label_rate: 0.5 }), 0.2), 'half of the control generations enrol')
  t.ok(room(0.1, 1, 10) > 0.25, 'the first second says little')
  t.equal(room(0.1, 60, 0), 1)
})
