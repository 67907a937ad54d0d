import type { EnrolmentEntry } from '../../../src/core/evidence/enrolment-list.js'
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
      const [epoch, share] = [state?.epoch.name ?? null, state?.rule.control_share ?? 1]
      const entry = { key, epoch, share, draws, ...changes }
      const sent = { age, ...(after !== undefined && { after }) }
      fold.append({ type: 'enrolment', boot: 'a', number, ...sent, entries: [entry] }, time)
    },
    report: (u: number, time: number, changes: Partial<LoggedOutcome> = {}) => fold.append(outcomeOf({ generation_id: `g${u}`, u, hash: u, arm: null, ...changes }), time),
    pass: (from: number, to: number) => { for (let time = from; time <= to; time += 1000) fold.append({ type: 'tick' }, time) },
  })
}

/** A fold with a certificate of as many lossless generations as two slices hold; the time is that of its last entry. */
export function certifiedFold (policy: PolicyPatch = {}): EnrolledFold & { readonly time: number } {
  const fold = enrolledFold(policy)
  const us = Array.from({ length: 256 }, (_, i) => (i + 0.5) / 256)
  fold.enrol(us, 0)
  for (const u of us) fold.report(u, 1000)
  fold.pass(2000, SLICE_LEAST + 1000)
  return Object.assign(fold, { time: SLICE_LEAST + 1000 })
}

export const POOL = 'model=q'
export const kind = { context: { model: 'q', task: 'kind' } }

/** A pool with a certificate, by generations of its kind member, and the time of its last entry. */
export function certifiedPool (policy: PolicyPatch = {}): EnrolledFold & { readonly time: number } {
  const fold = enrolledFold({ certify_at: 'model', control_rate: 0.5, ...policy })
  const us = Array.from({ length: 256 }, (_, i) => (i + 0.5) / 256)
  fold.enrol(us, 0, { key: POOL })
  for (const u of us) fold.report(u, 1000, kind)
  fold.pass(2000, SLICE_LEAST + 2000)
  return Object.assign(fold, { time: SLICE_LEAST + 2000 })
}
