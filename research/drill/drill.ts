import { setTimeout } from 'node:timers/promises'

/** Where an operator may read that something is wrong. The page's data is what the API gives it. */
export const SPEAKERS = ['page', '/readyz', '/metrics', 'alert'] as const

/** What has to be said of a fault. */
export interface Sign {
  readonly by: typeof SPEAKERS[number]
  readonly text: string
  readonly isSaid: () => Promise<unknown>
}

/** An event that is waited for, and the seconds until it came; `null`: it did not come within the limit. */
export interface Measured { readonly text: string, readonly seconds: number | null }

/** A fault, what said it how soon, and how soon actions had their effect. */
export interface DrillRow {
  readonly fault: string
  readonly store: StoreKind
  readonly signs: ReadonlyArray<Measured & Pick<Sign, 'by'>>
  readonly actions: readonly Measured[]
}

export const STORES = ['embedded', 'redis'] as const
export type StoreKind = typeof STORES[number]

export interface Action {
  readonly text: string
  readonly act: () => Promise<unknown>
  /** Whether its effect is there. */
  readonly isDone: () => Promise<unknown>
}

export interface Drill {
  /** Causes a fault, and measures how soon each sign of it comes. @param meanwhile traffic, repeated until all are there */
  readonly fault: (cause: () => Promise<unknown>, signs: readonly Sign[], meanwhile?: () => Promise<unknown>) => Promise<void>
  /** Measures how soon an action has its effect. */
  readonly action: (action: Action, meanwhile?: () => Promise<unknown>) => Promise<void>
}

const POLL_MS = 25
/** Time from one piece of traffic to the next, ms. */
const TRAFFIC_MS = 100

/** Measures what happens in one fault. @param limitSeconds after which a sign or an effect counts as missing */
export function startDrill (fault: string, store: StoreKind, limitSeconds: number) {
  const signs: Array<DrillRow['signs'][number]> = []
  const actions: Measured[] = []

  async function secondsUntil (since: number, condition: () => Promise<unknown>): Promise<number | null> {
    for (;;) {
      const holds = await condition().catch(() => false) // a service that is down says nothing
      const seconds = (performance.now() - since) / 1000
      if (holds) return seconds
      if (seconds > limitSeconds) return null
      await setTimeout(POLL_MS)
    }
  }

  /** Sends traffic until a wait is over. */
  async function during (traffic: (() => Promise<unknown>) | undefined, waiting: Promise<unknown>): Promise<void> {
    const ended = new AbortController()
    const send = async () => {
      if (traffic === undefined) return
      while (!ended.signal.aborted) {
        await traffic().catch(() => {}) // of a service in trouble, some of it fails
        await setTimeout(TRAFFIC_MS)
      }
    }
    await Promise.all([send(), waiting.finally(() => { ended.abort() })])
  }

  const drill: Drill = {
    async fault (cause, expected, meanwhile) {
      const since = performance.now()
      await cause()
      await during(meanwhile, Promise.all(expected.map(async ({ by, text, isSaid }) => {
        signs.push({ by, text, seconds: await secondsUntil(since, isSaid) })
      })))
    },
    async action ({ text, act, isDone }, meanwhile) {
      const since = performance.now()
      const effect = async () => { actions.push({ text, seconds: await secondsUntil(since, isDone) }) } // it may come before the reply
      await Promise.all([act(), during(meanwhile, effect())])
    },
  }
  return { drill, row: (): DrillRow => ({ fault, store, signs, actions }) }
}

/** What did not come within the limit. */
export function missingOf ({ signs, actions }: DrillRow): string[] {
  const isMissing = ({ seconds }: Measured) => seconds === null
  return [...signs.filter(isMissing).map(({ by, text }) => `${by}: ${text}`), ...actions.filter(isMissing).map(({ text }) => `the effect of: ${text}`)]
}
