import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { isoTime } from '../../../openapi/wire.js'
import { ROOT } from '../../core/policy/index.js'
import { type Origin, SERVICE } from '../../core/learn/index.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { type ContextCommands, findPause } from './context-commands.js'

/** Who paused stopping, when (ms) and why. */
interface Given extends Origin { readonly at: number }

/** A message between the processes of a replica: stopping is paused in all of them, or no longer (`null`). */
export interface PauseMessage { readonly pause: Given | null }

/** The channel to the other processes of the replica. */
export interface PauseChannel {
  readonly send: (message: PauseMessage) => void
  readonly on: (event: 'message', listener: (message: Partial<PauseMessage>) => void) => unknown
}

interface PauseServices {
  readonly store: Pick<Store, 'audit' | 'isUp' | 'kind'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'loaded' | 'onMove' | 'pause' | 'isPaused'>
  readonly commands: Pick<ContextCommands, 'pause'>
  readonly config: Pick<Config, 'pauseStopping'>
  readonly log: FastifyBaseLogger
  /** `null`: the replica is a single process. */
  readonly channel: PauseChannel | null
  /** Delay between attempts to reach the store, ms. */
  readonly retryMs?: number
}

export type Pause = ReturnType<typeof createPause>

/** Who pauses a replica that starts paused. */
const BY_SETTING = 'PAUSE_STOPPING'

const LOST = 'the store was replaced or went back, and lost the pause: no operator has ended it'

/** Time that a reply waits for the store, ms. The pause is in force before. */
const REPLY_MS = 1000

/**
 * The pause of all stopping. It is in force on this replica at once, whether or not the store can be reached, and in all replicas as mode
 * `off` of the root as soon as the store has it. From then on that mode holds, and this replica forgets its own order, unless the store
 * loses it.
 */
export function createPause ({ store, snapshotHolder, commands, config, log, channel, retryMs = 1000 }: PauseServices) {
  /** The pause as any process of this replica was ordered to make it, until all of them have the mode of the root. */
  let held: Given | null = config.pauseStopping ? { by: BY_SETTING, at: Date.now() } : null
  /** The order of this process that the store does not have yet. */
  let order = held
  let writing: Promise<void> = Promise.resolve()
  const closed = new AbortController()
  let orders = 0 // given to any process of the replica
  channel?.on('message', ({ pause }) => {
    if (pause === undefined) return
    orders++
    if (pause === null) order = null // or this process would store an order that another one has undone
    held = pause
    snapshotHolder.pause(pause !== null)
  })

  const isStored = (): boolean => snapshotHolder.loaded().inputs.policies.get(ROOT)?.mode === 'off'
  const seen = () => {
    const { snapshot: { stateId, version }, policyVersion } = snapshotHolder.loaded()
    return { stateId, version, policyVersion, isOn: isStored() }
  }
  let last = seen()

  /** Who made the pause that the store has; kept in memory, as the store may go away. */
  let stored: Given | null = null
  let reading = last.isOn ? readStored() : Promise.resolve()

  const forget = snapshotHolder.onMove(() => {
    const before = last
    last = seen()
    const isSameStore = last.stateId === before.stateId
    const isNews = !isSameStore || last.policyVersion !== before.policyVersion // otherwise the snapshot may be old
    if (last.isOn && isNews) reading = reading.then(readStored)
    const isLost = !isSameStore || last.version < before.version // otherwise an operator has ended it
    if (before.isOn && !last.isOn && isLost) give({ by: SERVICE, reason: LOST })
    // Another replica may store its own order first, and it may be undone before this one tries again.
    else if (order !== null && order.by !== BY_SETTING && last.isOn && isNews) settle()
  })

  async function readStored (): Promise<void> {
    const row = await findPause(store).catch(() => undefined) // the store is away: what was read before stays
    if (row === undefined) return
    stored = row === null ? null : { ...originOf(row.command), at: row.time }
  }

  function hold (given: Given | null): void {
    orders++
    held = given
    snapshotHolder.pause(given !== null)
    channel?.send({ pause: given })
  }

  /** Puts an order in force on this replica, and begins to store it. */
  function give (origin: Origin): void {
    order = { ...origin, at: Date.now() }
    hold(order)
    log.warn({ by: origin.by, reason: origin.reason }, 'stopping is paused')
    writing = write(order)
  }

  async function write (wanted: Given): Promise<void> {
    while (order === wanted && !closed.signal.aborted) {
      try {
        await commands.pause(true, originOf(wanted))
        if (order === wanted) settle()
      } catch (error) {
        log.warn({ err: error }, 'stopping is paused on this replica, but the store does not have the pause yet')
      }
      if (order !== wanted) return
      await setTimeout(retryMs, undefined, { signal: closed.signal }).catch(() => {})
    }
  }

  /** The store has the order. */
  function settle (): void {
    order = null
    release().catch(() => {}) // it ends with the service
  }

  /** Forgets the order once all processes of the replica have had time to load the mode of the root. */
  async function release (): Promise<void> {
    const before = orders
    await setTimeout(2 * retryMs, undefined, { signal: closed.signal, ref: false }).catch(() => {})
    if (orders === before) hold(null)
  }

  /** @param isNaming whether the caller may know who paused it, and why */
  async function view (isNaming = true) {
    const isOn = isStored() || snapshotHolder.isPaused()
    const isSettled = isStored() && order === null
    if (isSettled) await Promise.race([reading, setTimeout(REPLY_MS, undefined, { ref: false })])
    const given = !isOn ? null : isSettled ? stored ?? held : held ?? stored
    const isKept = isOn ? isSettled : store.isUp()
    const origin = {
      since: given === null ? null : isoTime(given.at),
      by: isNaming && given !== null ? given.by : null,
      reason: isNaming ? given?.reason ?? null : null,
    }
    const hasOthers = store.kind === 'redis' // an embedded store has one replica
    const kept = { isKept, isSetting: given?.by === BY_SETTING, hasOthers }
    const message = isOn ? pausedMessage(origin, kept) : endedMessage(isKept || !hasOthers)
    return { paused: isOn, stored: isKept, ...origin, message }
  }

  return {
    view,

    /** Stops no generation from now on. */
    async start (origin: Origin) {
      give(origin) // even if the snapshot has a pause: it may be old
      await Promise.race([writing, setTimeout(REPLY_MS, undefined, { ref: false })])
      return view()
    },

    /** Stops generations again, by the mode that the root had before. @throws StoreUnavailableError where the store has the pause */
    async end (origin: Origin) {
      if (!isStored() && !snapshotHolder.isPaused()) return view()
      const before = order
      order = null
      await writing // it may have reached the store just now
      try {
        if (isStored()) await commands.pause(false, origin)
      } catch (error) {
        order = before
        throw error
      }
      hold(null)
      log.warn({ by: origin.by, reason: origin.reason }, 'the pause of stopping has ended')
      return view()
    },

    async close () {
      forget()
      closed.abort()
      await Promise.all([writing, reading])
    },
  }
}

const originOf = ({ by, reason }: Origin): Origin => ({ by, ...(reason !== undefined && { reason }) })

interface ShownOrigin { readonly since: string | null, readonly by: string | null, readonly reason: string | null }

/** Whether the store has the pause, whether a setting made it, and whether there may be other replicas. */
interface Kept { readonly isKept: boolean, readonly isSetting: boolean, readonly hasOthers: boolean }

function pausedMessage ({ since, by, reason }: ShownOrigin, { isKept, isSetting, hasOthers }: Kept): string {
  const time = since?.replace('T', ' ').replace(/:\d\d\.\d+Z$/, ' UTC')
  const told = `${time === undefined ? '' : ` since ${time}`}${by === null ? '' : ` by ${by}`}${reason === null ? '' : ` (${reason})`}`
  const paused = `Stopping is paused${isKept ? ' on all replicas' : hasOthers ? ' on this replica' : ''}${told}.`
  if (isKept || isSetting) return paused
  return `${paused} The store does not have the pause yet: ${hasOthers ? 'pause each of the other replicas, too' : 'a restart would end it'}.`
}

/** @param isKept whether the store can be reached, so that the others follow */
function endedMessage (isKept: boolean): string {
  return isKept
    ? 'Stopping is not paused.'
    : 'Stopping is not paused on this replica. The store cannot be reached: end the pause on each of the other replicas that were paused, too.'
}
