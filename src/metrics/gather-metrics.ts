import type { MetricObject } from 'prom-client'
import type { MetricsMessage } from './shared-metrics.js'

/** How long one that is slow to tell is waited for; then what it told last stands, ms. */
const PATIENCE_MS = 1000

/** A process that serves, seen from the one that started it. */
export interface Teller {
  readonly id: number
  readonly send: (message: MetricsMessage, callback: () => void) => unknown
}

interface Gathering { readonly asker: Teller, readonly ask: string, readonly missing: Set<number>, readonly timer: NodeJS.Timeout }

export interface Gatherer {
  /** From now on it is asked: it serves. */
  readonly joined: (teller: Teller) => void
  /** It ended: its counts end with it. */
  readonly left: (id: number) => void
  readonly heard: (teller: Teller, message: MetricsMessage) => void
}

/**
 * One of the processes behind a port asks for the metrics of all: each is asked, and when all have told, the asker is. One that starts or
 * dies meanwhile is not waited for. One that hangs counts as it last told: without it the sums would look as if counters had been reset.
 */
export function gatherMetrics (patienceMs = PATIENCE_MS): Gatherer {
  const tellers = new Map<number, Teller>()
  const last = new Map<number, MetricObject[]>()
  const gatherings = new Map<string, Gathering>()

  function ended (gathering: Gathering): void {
    gatherings.delete(gathering.ask)
    clearTimeout(gathering.timer)
    const values = [...tellers.keys()].flatMap((id) => last.has(id) ? [last.get(id)!] : [])
    gathering.asker.send({ metrics: 'all', ask: gathering.ask, values }, nothing)
  }

  function noLongerMissing (gathering: Gathering, id: number): void {
    if (gathering.missing.delete(id) && gathering.missing.size === 0) ended(gathering)
  }

  return {
    joined (teller) { tellers.set(teller.id, teller) },
    left (id) {
      tellers.delete(id)
      last.delete(id)
      for (const gathering of gatherings.values()) noLongerMissing(gathering, id)
    },
    heard (teller, message) {
      if (message.metrics === 'wanted') {
        const timer = setTimeout(() => { ended(gathering) }, patienceMs)
        const gathering: Gathering = { asker: teller, ask: message.ask, missing: new Set(tellers.keys()), timer }
        gatherings.set(message.ask, gathering)
        if (tellers.size === 0) ended(gathering)
        for (const one of tellers.values()) one.send({ metrics: 'collect', ask: message.ask }, nothing)
      } else if (message.metrics === 'mine') {
        if (tellers.has(teller.id)) last.set(teller.id, message.values)
        const gathering = gatherings.get(message.ask)
        if (gathering !== undefined) noLongerMissing(gathering, teller.id)
      }
    },
  }
}

/** A message to one that has just ended is lost; without somebody who hears of it, it would end this process. */
const nothing = (): void => {}
