import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { isoTime } from '../../../openapi/wire.js'
import { ROOT } from '../../core/policy/index.js'
import { type Origin, SERVICE } from '../../core/learn/index.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { ContextCommands } from './context-commands.js'

/** A message between the processes of a replica: an operator has ordered all of them to stop nothing, or has undone that. */
export interface StopNothingMessage { readonly stop_nothing: boolean }

/** The channel to the other processes of the replica. */
export interface StopNothingChannel {
  readonly send: (message: StopNothingMessage) => void
  readonly on: (event: 'message', listener: (message: Partial<StopNothingMessage>) => void) => unknown
}

interface StopNothingServices {
  readonly snapshotHolder: Pick<SnapshotHolder, 'loaded' | 'onMove' | 'stopNothing' | 'stopsNothing'>
  readonly commands: Pick<ContextCommands, 'switchOff'>
  readonly config: Pick<Config, 'stopNothing'>
  readonly log: FastifyBaseLogger
  /** `null`: the replica is a single process. */
  readonly channel: StopNothingChannel | null
  /** Delay between attempts to reach the store, ms. */
  readonly retryMs?: number
}

/** An order of this replica that its store does not have yet. */
interface Order extends Origin { readonly at: number }

export type StopNothing = ReturnType<typeof createStopNothing>

/** Who gives the order that a replica starts with. */
const BY_SETTING = 'STOP_NOTHING'

const LOST = 'the store was replaced or went back, and lost the order: no operator has undone it'

/** Time that a reply waits for the store, ms. The order is in force before. */
const REPLY_MS = 1000

/**
 * The switch that stops nothing. It is in force on this replica at once, whether or not the store can be reached, and in all replicas as
 * mode `off` of the root as soon as the store has it. From then on that mode holds, and this replica forgets its own order, unless the
 * store loses it.
 */
export function createStopNothing ({ snapshotHolder, commands, config, log, channel, retryMs = 1000 }: StopNothingServices) {
  let order: Order | null = config.stopNothing ? { by: BY_SETTING, at: Date.now() } : null
  let writing: Promise<void> = Promise.resolve()
  const closed = new AbortController()
  let orders = 0 // given to any process of the replica
  channel?.on('message', ({ stop_nothing: isOn }) => {
    if (isOn === undefined) return
    orders++
    if (!isOn) order = null // or this process would store an order that another one has undone
    snapshotHolder.stopNothing(isOn)
  })

  const isStored = (): boolean => snapshotHolder.loaded().inputs.policies.get(ROOT)?.mode === 'off'
  const seen = () => {
    const { stateId, version } = snapshotHolder.loaded().snapshot
    return { stateId, version, isOn: isStored() }
  }
  let last = seen()

  const forget = snapshotHolder.onMove(() => {
    const before = last
    last = seen()
    const isLost = last.stateId !== before.stateId || last.version < before.version // otherwise an operator has undone it
    if (before.isOn && !last.isOn && isLost) give({ by: SERVICE, reason: LOST })
    // Another replica may store its own order first, and it may be undone before this one tries again.
    else if (order !== null && order.by !== BY_SETTING && last.isOn) settle()
  })

  function hold (isOn: boolean): void {
    orders++
    snapshotHolder.stopNothing(isOn)
    channel?.send({ stop_nothing: isOn })
  }

  /** Puts an order in force on this replica, and begins to store it. */
  function give (origin: Origin): Order {
    order = { ...origin, at: Date.now() }
    hold(true)
    log.warn({ by: origin.by, reason: origin.reason }, 'nothing is stopped from now on')
    writing = write(order)
    return order
  }

  async function write (wanted: Order): Promise<void> {
    while (order === wanted && !closed.signal.aborted) {
      try {
        await commands.switchOff(true, { by: wanted.by, ...(wanted.reason !== undefined && { reason: wanted.reason }) })
      } catch (error) {
        log.warn({ err: error }, 'the order to stop nothing is in force on this replica, but the store does not have it yet')
      }
      if (order === wanted && isStored()) settle()
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
    if (orders === before) hold(false)
  }

  /** @param given an order that the store may have already */
  function view (given = order) {
    const stored = isStored()
    return {
      on: stored || snapshotHolder.stopsNothing(),
      stored,
      since: given === null ? null : isoTime(given.at),
      by: given?.by ?? null,
      reason: given?.reason ?? null,
    }
  }

  return {
    view,

    /** Stops nothing from now on. */
    async switchOn (origin: Origin) {
      if (isStored()) return view()
      const given = give(origin)
      await Promise.race([writing, setTimeout(REPLY_MS, undefined, { ref: false })])
      return view(given)
    },

    /** Stops generations again, by the mode that the root had before. @throws StoreUnavailableError where the store has the order */
    async switchOff (origin: Origin) {
      const last = order
      order = null
      await writing // it may have reached the store just now
      try {
        if (isStored()) await commands.switchOff(false, origin)
      } catch (error) {
        order = last
        throw error
      }
      hold(false)
      log.warn({ by: origin.by, reason: origin.reason }, 'generations are stopped again')
      return view()
    },

    async close () {
      forget()
      closed.abort()
      await writing
    },
  }
}
