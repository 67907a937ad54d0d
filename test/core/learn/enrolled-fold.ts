import type { EnrolmentEntry } from '../../../src/core/evidence/enrolment-list.js'
import { FIRST_SHARE, firstShare } from '../../../src/core/decide/arm.js'
import { policyOf } from '../../../src/core/learn/ledger.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import type { Configuration, LogEntry } from '../../../src/core/learn/log-entry.js'
import { LEAF, memoryFold, type MemoryFold, outcomeOf } from './memory-fold.js'

/** 640 s, so that a slice lasts between 10 and 40 s. */
export const FOLLOW_UP = 640_000
export const SLICE_LEAST = FOLLOW_UP / 64
export const SLICE_MOST = FOLLOW_UP / 16

/** A fold in which a test says itself when generations enrol, report and end. */
export interface EnrolledFold extends MemoryFold {
  /** Applies an entry as it is, as often as told. */
  readonly learn: MemoryFold['learn']
  /** Takes in a list with one entry for the leaf, in its present epoch unless stated otherwise. */
  readonly enrol: (us: readonly number[], time: number, changes?: Partial<EnrolmentEntry> & Sent) => void
  readonly report: (u: number, time: number, changes?: Partial<LoggedOutcome>) => void
  /** Ticks once a second, as the learner does. */
  readonly pass: (from: number, to: number) => void
}

interface Sent { readonly age?: number, readonly after?: number, readonly number?: number }

export function enrolledFold (policy: PolicyPatch = {}, configuration: Partial<Configuration> = {}): EnrolledFold {
  const fold = memoryFold({ follow_up_seconds: FOLLOW_UP / 1000, ...policy }, configuration)
  let lists = 0
  return Object.assign(fold, {
    learn: (entry: LogEntry, time?: number, times = 1) => { for (let i = 0; i < times; i++) fold.append(entry, time) },
    enrol: (us: readonly number[], time: number, { age = 100, after, number = ++lists, ...changes }: Parameters<EnrolledFold['enrol']>[2] = {}) => {
      const key = changes.key ?? LEAF
      const draws = us.map((u) => [u, u] as const)
      const state = fold.states.get(key)
      const [epoch, share] = [state?.epoch.name ?? null, state?.rule.control_share ?? firstShare(policyOf(fold.ledger, key))]
      const entry = { key, epoch, share, draws, ...changes }
      const isForeign = changes.share === undefined && entry.draws.some(([u]) => u >= share)
      if (isForeign) throw new Error(`no replica enrols a draw that is not below the control share ${share}`)
      const sent = { age, ...(after !== undefined && { after }) }
      fold.append({ type: 'enrolment', boot: 'a', number, ...sent, entries: [entry] }, time)
    },
    report: (u: number, time: number, changes: Partial<LoggedOutcome> = {}) => fold.append(outcomeOf({ generation_id: `g${u}`, u, hash: u, arm: null, ...changes }), time),
    pass: (from: number, to: number) => { for (let time = from; time <= to; time += 1000) fold.append({ type: 'tick' }, time) },
  })
}

/** As many slices as rule E8 asks for: none holds more than a quarter of the units. */
const SLICES = 4

/** Draws that are control from the start, evenly spread, by the slice in which they are enrolled. */
export function drawsBySlice (units: number): number[][] {
  const us = Array.from({ length: units }, (_, i) => FIRST_SHARE * (i + 0.5) / units)
  return Array.from({ length: SLICES }, (_, slice) => us.filter((_, i) => i % SLICES === slice))
}

/** Certifies by 256 lossless generations. @returns the time of its last entry */
function certify (fold: EnrolledFold, key: string, changes: Partial<LoggedOutcome> = {}): number {
  let time = 0
  for (const us of drawsBySlice(256)) {
    fold.enrol(us, time, { key })
    for (const u of us) fold.report(u, time + 1000, changes)
    fold.pass(time + 2000, time += SLICE_LEAST)
  }
  fold.pass(time += 1000, time)
  return time
}

/** A fold with a certificate of 256 lossless generations; the time is that of its last entry. */
export function certifiedFold (policy: PolicyPatch = {}): EnrolledFold & { readonly time: number } {
  const fold = enrolledFold(policy)
  return Object.assign(fold, { time: certify(fold, LEAF) })
}

export const POOL = 'model=q'
export const kind = { context: { model: 'q', task: 'kind' } }

/** A pool with a certificate, by generations of its kind member, and the time of its last entry. */
export function certifiedPool (policy: PolicyPatch = {}): EnrolledFold & { readonly time: number } {
  const fold = enrolledFold({ certify_at: 'model', control_rate: 0.5, ...policy })
  return Object.assign(fold, { time: certify(fold, POOL, kind) })
}
