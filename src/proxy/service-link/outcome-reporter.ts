import { fieldOf, itemsOf } from '../protocol/json.js'
import { Backoff, CallError, type ServiceClient } from './service-calls.js'

const BATCH = 256
/** Characters of a batch, unless it is a single outcome: the service takes 4 MiB. */
const BATCH_LENGTH = 2 ** 20
const CALL_MS = 10_000
const MAX_BYTES = 64 * 2 ** 20

interface ReporterOptions {
  /** Largest number of outcomes that wait; beyond it the oldest are dropped. */
  readonly capacity: number
  readonly onProblem: (message: string) => void
  /** Called with each warning of the service about an outcome or its context. */
  readonly onWarning: (warning: unknown, outcome: object) => void
}

/** Sends outcomes in the background, each until the service has it or refuses it. */
export class OutcomeReporter {
  readonly #service: Pick<ServiceClient, 'post'>
  readonly #options: ReporterOptions
  readonly #giveUp = new AbortController()
  #waiting: Array<{ outcome: object, bytes: number }> = []
  #bytes = 0
  #running: Promise<void> | null = null
  readonly counts = { reported: 0, refused: 0, dropped: 0 }

  constructor (service: Pick<ServiceClient, 'post'>, options: ReporterOptions) {
    this.#service = service
    this.#options = options
  }

  get waiting (): number { return this.#waiting.length }

  put (outcome: object): void {
    const bytes = JSON.stringify(outcome).length
    this.#waiting.push({ outcome, bytes })
    this.#bytes += bytes
    while (this.#waiting.length > this.#options.capacity || (this.#bytes > MAX_BYTES && this.#waiting.length > 1)) {
      this.#bytes -= this.#waiting.shift()?.bytes ?? 0
      this.counts.dropped++
    }
    this.#running ??= this.#run().finally(() => { this.#running = null })
  }

  /** Waits until all outcomes are sent, for at most `maxMs`. */
  async close (maxMs: number): Promise<void> {
    const timer = setTimeout(() => { this.#giveUp.abort() }, maxMs)
    await this.#running
    clearTimeout(timer)
    if (this.waiting > 0) this.#options.onProblem(`${this.waiting} outcomes were not sent before the end`)
  }

  async #run (): Promise<void> {
    const backoff = new Backoff(200, 15_000)
    await null // so that outcomes of the same turn go in one call
    while (this.#waiting.length > 0 && !this.#giveUp.signal.aborted) {
      const batch = firstOf(this.#waiting)
      try {
        const { body } = await this.#service.post('/v1/outcomes/batch', { outcomes: batch.map(({ outcome }) => outcome) }, CALL_MS)
        this.#remove(batch)
        this.#count(batch.length, fieldOf(body, 'rejected'))
        this.#passWarnings(batch, itemsOf(fieldOf(body, 'outcomes')))
        backoff.reset()
      } catch (error) {
        const { mayRetry, retryAfterMs, message } = error instanceof CallError ? error : new CallError(String(error), null)
        this.#options.onProblem(`outcomes are not taken: ${message}`)
        if (mayRetry) await backoff.wait(this.#giveUp.signal, retryAfterMs)
        else {
          this.#remove(batch)
          this.counts.refused += batch.length
        }
      }
    }
  }

  /** @throws Error if the service did not list the outcomes that it refused */
  #count (sent: number, rejected: unknown): void {
    if (!Array.isArray(rejected)) throw new Error('the service did not list the outcomes that it refused')
    this.counts.reported += sent - rejected.length
    this.counts.refused += rejected.length
    for (const item of itemsOf(rejected)) this.#options.onProblem(`an outcome was refused: ${String(fieldOf(item, 'path'))} ${String(fieldOf(item, 'message'))}`)
  }

  #passWarnings (batch: ReadonlyArray<{ readonly outcome: object }>, receipts: readonly unknown[]): void {
    for (const [i, { outcome }] of batch.entries()) {
      for (const warning of itemsOf(fieldOf(receipts[i], 'warnings'))) this.#options.onWarning(warning, outcome)
    }
  }

  /** Some of the batch may have been dropped meanwhile. */
  #remove (batch: readonly unknown[]): void {
    const sent = new Set(batch)
    this.#waiting = this.#waiting.filter((one) => {
      if (sent.has(one)) this.#bytes -= one.bytes
      return !sent.has(one)
    })
  }
}

/** The outcomes that go in one call. */
function firstOf<T extends { readonly bytes: number }> (waiting: readonly T[]): T[] {
  let [count, length] = [0, 0]
  for (const { bytes } of waiting.slice(0, BATCH)) {
    if (count > 0 && length + bytes > BATCH_LENGTH) break
    length += bytes
    count++
  }
  return waiting.slice(0, count)
}
