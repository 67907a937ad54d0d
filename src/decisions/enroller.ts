import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { DrawBuffer, type DrawnIn } from '../core/enrolment/draw-buffer.js'
import type { EnrolmentEntry } from '../core/enrolment/enrolment-list.js'
import { ENROLMENT_TIMES, type EnrolmentTimes } from '../core/enrolment/times.js'
import type { Store } from '../store/store.js'
import { StoreUnavailableError } from '../store/store-errors.js'

export interface EnrollerOptions {
  readonly store: Pick<Store, 'append'>
  readonly log: FastifyBaseLogger
  readonly times?: EnrolmentTimes
}

/** Writes down who was enrolled, off the decision path (see docs/concepts/certificate.md). */
export interface Enroller {
  /**
   * Enrols a draw; never waits and never throws.
   * @param u the draw, and `hash` the second hash of the same id, both in [0, 1)
   * @param ageMs how long ago it was drawn; more than 0 where a local decider drew it
   */
  readonly enrol: (drawn: DrawnIn, u: number, hash: number, ageMs?: number) => void
  /** Appends the remaining draws. */
  readonly close: () => Promise<void>
}

/** A list on its way: it keeps its number until it is known to be appended, so that it counts once however often it is sent. */
interface Sending { readonly number: number, readonly entries: readonly EnrolmentEntry[], readonly since: number }

export function createEnroller ({ store, log, times = ENROLMENT_TIMES }: EnrollerOptions): Enroller {
  const boot = randomUUID()
  const buffer = new DrawBuffer()
  let lists = 0
  let sending: Sending | null = null
  let appendedAt: number | null = null
  let running: Promise<void> | null = null

  /** Appends the list under way, or the next one; one that cannot be appended is sent again with its new age. */
  async function send (): Promise<void> {
    const next = buffer.take.bind(buffer)
    const taken = sending === null ? next() : null
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

  return {
    enrol (drawn, u, hash, ageMs = 0) { buffer.add(drawn, u, hash, performance.now() - ageMs) },
    async close () {
      clearInterval(timer)
      await running
      await send() // waits for the list that is being sent
      await send() // sends the draws made since
    },
  }
}
