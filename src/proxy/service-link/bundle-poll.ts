import { type Bundle, BUNDLE_FORMAT, type Snapshot, snapshotOfBundle } from '../../core/decide/index.js'
import type { Label } from '../../core/policy/index.js'
import { fieldOf } from '../protocol/json.js'
import { Backoff, type ServiceClient } from './service-calls.js'

const POLL_SECONDS = 30

interface BundlePollOptions {
  readonly prefix: string
  readonly maxStalenessSeconds: number
  readonly onProblem: (message: string) => void
  /** The labels that are certified have changed. */
  readonly onLabels: (certifies: readonly Label[]) => void
}

/**
 * Keeps the rules in step with the service by long polls. The circuit is closed while the service answers; while it is open, requests are
 * passed through without a wait.
 */
export class BundlePoll {
  readonly #service: Pick<ServiceClient, 'get'>
  readonly #options: BundlePollOptions
  readonly #closing = new AbortController()
  #snapshot: Snapshot | null = null
  #etag = ''
  #renewedAt = -Infinity
  /** The labels that at least one rule certifies. */
  certifies: readonly Label[] = []
  /** Why the rules can't be read; `null`: they can. */
  problem: string | null = 'the service has not been reached yet'

  constructor (service: Pick<ServiceClient, 'get'>, options: BundlePollOptions) {
    this.#service = service
    this.#options = options
  }

  /** The rules to decide by; `null` while the circuit is open. */
  snapshot (): Snapshot | null {
    return performance.now() - this.#renewedAt > 1000 * this.#options.maxStalenessSeconds ? null : this.#snapshot
  }

  /** Polls until it is closed. */
  async run (): Promise<void> {
    const { signal } = this.#closing
    const backoff = new Backoff(100, 5000)
    while (!signal.aborted) {
      try {
        await this.renew()
        backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        this.problem = (error as Error).message
        this.#options.onProblem(`the bundle can't be renewed: ${this.problem}`)
        await backoff.wait(signal)
      }
    }
  }

  /** Polls once; with a bundle at hand, the service answers only after a change or a timeout. @throws CallError or Error */
  async renew (): Promise<void> {
    const wait = this.#etag === '' ? '' : `&wait=${POLL_SECONDS}`
    const path = `/v1/bundle?prefix=${encodeURIComponent(this.#options.prefix)}${wait}`
    const { status, etag, body } = await this.#service.get(path, 1000 * (POLL_SECONDS + 10), this.#etag === '' ? {} : { 'if-none-match': this.#etag })
    if (status !== 304) {
      const format = fieldOf(body, 'format')
      if (format !== BUNDLE_FORMAT) {
        this.#snapshot = null
        throw new Error(`the bundle has format ${String(format)}, and this proxy knows ${BUNDLE_FORMAT}`)
      }
      const bundle = body as Bundle // the service that the operator names vouches for the fields of its format
      this.#snapshot = snapshotOfBundle(bundle)
      this.#etag = etag
      this.#setLabels(bundle)
    }
    this.#renewedAt = performance.now()
    this.problem = null
  }

  #setLabels ({ rules }: Bundle): void {
    const labels = [...new Set(rules.map(({ label }): Label => label ?? 'exact_match'))].sort()
    if (labels.join() === this.certifies.join()) return
    this.certifies = labels
    this.#options.onLabels(labels)
  }

  close (): void { this.#closing.abort() }
}
