import { setTimeout } from 'node:timers/promises'

/** Waits that double from `firstMs` to `mostMs`, each shortened at random so that proxies do not call at once. */
export class Backoff {
  readonly #firstMs: number
  readonly #mostMs: number
  #nextMs: number

  constructor (firstMs: number, mostMs: number) {
    this.#firstMs = this.#nextMs = firstMs
    this.#mostMs = mostMs
  }

  reset (): void { this.#nextMs = this.#firstMs }

  /** Ends early when the signal aborts. */
  async wait (signal: AbortSignal, atLeastMs = 0): Promise<void> {
    const ms = Math.max(atLeastMs, this.#nextMs * (0.5 + Math.random() / 2))
    this.#nextMs = Math.min(this.#mostMs, 2 * this.#nextMs)
    await setTimeout(ms, undefined, { signal }).catch(() => {})
  }
}
