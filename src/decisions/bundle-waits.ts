import { setImmediate } from 'node:timers/promises'
import type { Service } from '../replica/service.js'
import { renderBundle, type RenderedBundle } from './bundles.js'

/** Delay of replies after a change, ms, so that a burst of changes is sent at once. */
const SETTLE_MS = 200

/** Callers that are looked at in one turn of the event loop, so that decisions are answered between one reply and the next. */
const WOKEN_PER_TURN = 50

interface Waiting { readonly prefix: string, readonly known: readonly string[], readonly end: () => void }

/** Callers that wait for a bundle they do not have, ten thousand or more. */
export class BundleWaits {
  readonly #service: Pick<Service, 'snapshot' | 'onMove'>
  readonly #waiting = new Set<Waiting>()
  #forget: (() => void) | undefined
  #settling: NodeJS.Timeout | undefined

  constructor (service: Pick<Service, 'snapshot' | 'onMove'>) {
    this.#service = service
  }

  /**
   * Waits for a bundle that the caller does not have, or returns the present one when the time is up or the wait is aborted.
   * @param known etags that the caller has
   */
  async wait (prefix: string, known: readonly string[], waitMs: number, signal: AbortSignal): Promise<RenderedBundle> {
    const bundle = renderBundle(this.#service.snapshot(), prefix)
    if (!known.includes(bundle.etag) || waitMs <= 0 || signal.aborted) return bundle
    this.#forget ??= this.#service.onMove(() => {
      if (this.#waiting.size > 0) this.#settling ??= setTimeout(() => { this.#wake() }, SETTLE_MS)
    })
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => { end = resolve })
    const waiting = { prefix, known, end }
    this.#waiting.add(waiting)
    const timer = setTimeout(end, waitMs)
    signal.addEventListener('abort', end, { once: true })
    await ended
    this.#waiting.delete(waiting)
    clearTimeout(timer)
    return renderBundle(this.#service.snapshot(), prefix)
  }

  /** Ends the waits of those who do not have the present bundle. */
  async #wake (): Promise<void> {
    this.#settling = undefined
    let looked = 0
    for (const { prefix, known, end } of this.#waiting) {
      if (!known.includes(renderBundle(this.#service.snapshot(), prefix).etag)) end()
      if (++looked % WOKEN_PER_TURN === 0) await setImmediate()
    }
  }

  close (): void {
    this.#forget?.()
    clearTimeout(this.#settling)
  }
}
