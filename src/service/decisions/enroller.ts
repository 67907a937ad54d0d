import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { type DrawnIn, enrolledHash, ruleFor, uniform } from '../../core/decide/index.js'
import { DrawBuffer, type EnrolmentEntry, type EnrolmentTimes } from '../../core/evidence/index.js'
import { type Context, contextKey } from '../../core/policy/index.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Caller, requireContext } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

interface EnrollerOptions {
  readonly store: Pick<Store, 'append'>
  readonly log: FastifyBaseLogger
  readonly times: EnrolmentTimes
}

/** Records enrolled generations, off the decision path (see docs/concepts/certificate.md). */
export interface Enroller {
  /**
   * Enrols a draw; never waits and never throws.
   * @param u the draw, and `hash` the second hash of the same id, both in [0, 1)
   * @param ageMs how long ago it was drawn; more than 0 where a local decider drew it
   */
  readonly enrol: (drawn: DrawnIn, u: number, hash: number, ageMs?: number) => void
  /** The same for the draws of tokens that are bound to a prefix; `null`: to none. */
  readonly within: (prefix: string | null) => EnrollerOfPrefix
  /** Age from which a local decider's draw comes too late: it cannot be relied on to be in the log in time, ms. */
  readonly oldestMs: number
  /** Appends the remaining draws. */
  readonly close: () => Promise<void>
}

type EnrollerOfPrefix = Pick<Enroller, 'enrol'>

/** A list on its way: it keeps its number until it is known to be appended, so that it counts once however often it is sent. */
interface Sending { readonly number: number, readonly entries: readonly EnrolmentEntry[], readonly since: number }

export function createEnroller ({ store, log, times }: EnrollerOptions): Enroller {
  const boot = randomUUID()
  const buffer = new DrawBuffer()
  let lists = 0
  let sending: Sending | null = null
  let appendedAt: number | null = null
  let running: Promise<void> | null = null

  /** Appends the current list, or the next one. A list that cannot be appended is sent again with its new age. */
  async function send (): Promise<void> {
    const taken = sending === null ? buffer.take() : null
    if (taken !== null) sending = { number: ++lists, ...taken }
    if (sending === null) return
    const { number, entries, since } = sending
    try {
      const now = performance.now()
      const after = appendedAt === null ? {} : { after: now - appendedAt }
      const append = store.append([{ type: 'enrolment', boot, number, age: now - since, ...after, entries }])
      const isDone = await Promise.race([append.then(() => true), setTimeout(times.appendTimeout, false, { ref: false })])
      append.catch(() => {}) // given up: it is sent again
      if (isDone) {
        sending = null
        appendedAt = performance.now()
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) log.error({ err: error }, 'an enrolment list could not be appended and is sent again')
    }
  }

  const timer = setInterval(() => { running ??= send().finally(() => { running = null }) }, times.listEvery)
  timer.unref()

  const enrol: Enroller['enrol'] = (drawn, u, hash, ageMs = 0) => { buffer.add(drawn, u, hash, performance.now() - ageMs) }
  const byPrefix = new Map<string | null, EnrollerOfPrefix>([[null, { enrol }]])

  return {
    oldestMs: times.oldestList / 2,
    enrol,
    within (prefix) {
      let bound = byPrefix.get(prefix)
      bound ??= boundTo(prefix!, { enrol })
      byPrefix.set(prefix, bound)
      return bound
    },
    async close () {
      clearInterval(timer)
      await running
      await send() // waits for the list that is being sent
      await send() // sends the draws made since
    },
  }
}

/** Draws come in runs of one context, which share their properties. */
function boundTo (prefix: string, { enrol }: EnrollerOfPrefix): EnrollerOfPrefix {
  let last: { readonly drawn: DrawnIn, readonly bound: DrawnIn } | null = null
  return {
    enrol (drawn, u, hash, ageMs) {
      if (last?.drawn !== drawn) last = { drawn, bound: { ...drawn, prefix } }
      enrol(last.bound, u, hash, ageMs)
    },
  }
}

/** The draws of a local decider in one context, epoch and control share. */
export interface EnrolmentReport {
  readonly context?: Context
  readonly epoch: string | null
  readonly share: number
  /** Of the oldest draw, ms. */
  readonly age_ms: number
  readonly generations: ReadonlyArray<{
    readonly generation_id?: string
    readonly group_id?: string
    readonly prompt_hash?: string
    readonly sample?: number
  }>
}

interface EnrolmentServices {
  readonly config: Pick<Config, 'levels'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly enroller: Pick<Enroller, 'oldestMs'> & { readonly within: (prefix: string | null) => Pick<Enroller, 'enrol'> }
}

/**
 * Enrols generations whose arms a worker drew from a bundle, as the service enrols those that it decides itself.
 * @returns how many were enrolled: control draws (in a pool, those below its share), of the share that `label_rate` enrols
 * @throws ForbiddenError, UnknownLevelError; StoreUnavailableError before the store has been reached
 */
export function acceptEnrolments (
  { config: { levels }, snapshotHolder, enroller }: EnrolmentServices, report: EnrolmentReport, caller: Caller): number {
  const { context = {}, epoch, age_ms: age, generations } = report
  requireContext(caller, levels, context)
  const snapshot = snapshotHolder.snapshot()
  const { salt } = snapshot
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const { enrolledShare, evidenceShare, context: source } = ruleFor(snapshot, context)
  const leaf = contextKey(levels, context)
  const key = source ?? leaf
  // A bundle has a new member of a pool run in full, and does not say at which share its draws are evidence of the pool.
  const share = key === leaf ? report.share : Math.min(report.share, evidenceShare)
  const { enrol } = enroller.within(caller.tokenPrefix)
  const drawn = { key, epoch, share }
  if (age > enroller.oldestMs) return 0 // with what this replica draws itself in one list, it would make that void
  let enrolled = 0
  for (const { group_id: group, prompt_hash: prompt, generation_id: id, sample = 0 } of generations) {
    const unit = group ?? id
    if (unit === undefined || sample !== 0) continue
    const u = uniform(salt, group ?? prompt ?? unit)
    const hash = enrolledHash(salt, unit, u, share, enrolledShare)
    if (hash === null) continue
    enrol(drawn, u, hash, age)
    enrolled++
  }
  return enrolled
}
