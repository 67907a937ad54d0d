import { Admission } from './admission.js'
import { Cohort } from './cohort.js'
import type { EnrolmentList } from './enrolment-list.js'
import { SliceQueue } from './slice-queue.js'
import { StopQueue } from '../guards/stop-queue.js'
import { restoreMembers, restoreSlice, type StoredCohort, storeMembers, storeSlice } from './stored-cohort.js'
import { Traffic } from './traffic.js'

export function storeCohort ({ epoch, members, parts }: Cohort): StoredCohort {
  const { queue, stops, admission, traffic, lookedAt, isChanged } = parts
  return {
    epoch,
    next_slice: queue.next,
    looked_at: lookedAt,
    is_changed: isChanged,
    ...admission.store(),
    traffic: traffic.store(),
    slices: queue.slices.map(storeSlice),
    stops: stops.stops.map((stop) => ({ ...stop })),
    ...storeMembers(members.values()),
  }
}

/** The cohort as it was when it was stored. */
export function restoreCohort (stored: StoredCohort): Cohort {
  const slices = stored.slices.map(restoreSlice)
  return new Cohort(stored.epoch, restoreMembers(stored, slices), {
    queue: new SliceQueue(slices, stored.next_slice),
    stops: new StopQueue(stored.stops),
    admission: new Admission(stored),
    traffic: new Traffic(stored.traffic),
    lookedAt: stored.looked_at,
    isChanged: stored.is_changed,
  })
}

/**
 * The clock of the follow-up: the time of the log, in which a gap counts as `longestGap` at most. While the log cannot be written to, no
 * outcome can arrive, so no follow-up may run out.
 */
interface FollowUpClock {
  /** Of the last entry, ms of the log's time; `null`: there was none. */
  readonly time: number | null
  /** Time that has passed, ms. */
  readonly passed: number
}

export const NEW_CLOCK: FollowUpClock = { time: null, passed: 0 }

export function advanceClock ({ time: last, passed }: FollowUpClock, time: number, longestGap: number): FollowUpClock {
  if (last === null) return { time, passed }
  return { time: Math.max(last, time), passed: passed + Math.min(longestGap, Math.max(0, time - last)) }
}

/** How long the number of a process's last list is remembered, ms. */
const BOOT_MEMORY_MS = 3_600_000

/** The last list of a process: its number, and its arrival by the follow-up clock and in the log's time, ms. */
interface Boot { readonly number: number, readonly at: number, readonly time: number }

/** State of the follow-up outside the cohorts. */
export interface CohortsHeader { readonly clock: FollowUpClock, readonly boots: Readonly<Record<string, Boot>> }

/**
 * The cohorts of all contexts, with their follow-up clock. Part of committed state: changes since the last `takeChanges` go into
 * the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class Cohorts {
  readonly #byKey = new Map<string, Cohort>()
  #clock: FollowUpClock
  #boots: Map<string, Boot>
  #dropped = new Set<string>()

  constructor (header: CohortsHeader = { clock: NEW_CLOCK, boots: {} }, cohorts: Iterable<readonly [string, Cohort]> = []) {
    this.#clock = header.clock
    this.#boots = new Map(Object.entries(header.boots))
    for (const [key, cohort] of cohorts) this.#byKey.set(key, cohort)
  }

  /** Time of the log, ms, which never goes back; `null` before the first entry. */
  get time (): number | null { return this.#clock.time }

  /** The follow-up clock, ms. */
  get clock (): number { return this.#clock.passed }

  get header (): CohortsHeader { return { clock: this.#clock, boots: Object.fromEntries(this.#boots) } }

  keys (): Iterable<string> { return this.#byKey.keys() }

  /** Whether the passing of time alone may change anything, so the clock must go on. */
  get isUnderWay (): boolean {
    for (const cohort of this.#byKey.values()) if (cohort.isUnderWay) return true
    return false
  }

  advance (time: number, longestGap: number): void { this.#clock = advanceClock(this.#clock, time, longestGap) }

  /**
   * Accepts a list, at most once.
   * @returns upper bound of its delay, ms: the time since the list before it, less the part that had passed when it was sent. A first
   *   list counts as having arrived at once. `null`: the list was accepted before
   */
  admit ({ boot, number, after }: EnrolmentList, time: number): number | null {
    const last = this.#boots.get(boot)
    if (last !== undefined && last.number >= number) return null
    this.#boots.delete(boot)
    this.#boots.set(boot, { number, at: this.clock, time })
    for (const [oldest, { at }] of this.#boots) {
      if (at + BOOT_MEMORY_MS > this.clock) break
      this.#boots.delete(oldest)
    }
    return last === undefined || after === undefined ? 0 : Math.max(0, time - last.time - after)
  }

  /** The cohort of a context's epoch; one of another epoch is replaced by an empty one. */
  of (key: string, epoch: string): Cohort {
    const cohort = this.#byKey.get(key)
    if (cohort?.epoch === epoch) return cohort
    if (cohort !== undefined) this.#dropped.add(key)
    const fresh = new Cohort(epoch)
    this.#byKey.set(key, fresh)
    return fresh
  }

  /** The cohort of a context, if it has one. */
  get (key: string): Cohort | undefined { return this.#byKey.get(key) }

  /** Forgets everybody who is enrolled in a context. @returns ids of the outcomes that were kept for them */
  drop (key: string): string[] {
    const cohort = this.#byKey.get(key)
    if (cohort === undefined) return []
    this.#byKey.delete(key)
    this.#dropped.add(key)
    const waiting = [...cohort.members.values()].flatMap(({ waiting }) => waiting)
    return [...waiting, ...cohort.earlyIds, ...cohort.stops.clear()]
  }

  /**
   * The same at the start of another epoch. Its cohort knows the traffic, and remembers the control units until a time of the follow-up
   * clock, since their outcomes may still come.
   */
  renew (key: string, epoch: string, until: number): string[] {
    const last = this.#byKey.get(key)
    if (last === undefined) return []
    const former = until > this.clock ? last.formerUnits() : []
    const ids = this.drop(key)
    const fresh = new Cohort(epoch, [], { traffic: last.traffic })
    fresh.addFormer(former, until)
    this.#byKey.set(key, fresh)
    return ids
  }

  /** The cohorts that have changed since the last call; `undefined`: gone. */
  takeChanges (): ReadonlyMap<string, StoredCohort | undefined> {
    const changes = new Map<string, StoredCohort | undefined>([...this.#dropped].map((key) => [key, undefined]))
    this.#dropped = new Set()
    for (const [key, cohort] of this.#byKey) {
      if (!cohort.isDirty) continue
      changes.set(key, storeCohort(cohort))
      cohort.isDirty = false
    }
    return changes
  }
}
