import { BUNDLE_FORMAT, type Bundle } from '../../core/decide/bundle.js'
import { snapshotOfBundle } from '../../core/decide/snapshot-of-bundle.js'
import type { Snapshot } from '../../core/decide/snapshot.js'
import type { Label } from '../../core/policy/policy.js'
import { Backoff } from './backoff.js'
import type { ServiceClient } from './service-calls.js'

const POLL_SECONDS = 30

export interface BundlePollOptions {
  readonly prefix: string
  readonly maxStalenessSeconds: number
  readonly onProblem: (message: string) => void
  /** What is certified has changed. */
  readonly onLabels: (certifies: readonly Label[]) => void
}

/**
 * Keeps the rules in step with the service by long polls. Its circuit is closed while the service is heard of: where it is open, requests
 * are passed through without a wait.
 */
export class BundlePoll {
  readonly #service: Pick<ServiceClient, 'get'>
  readonly #options: BundlePollOptions
  readonly #closing = new AbortController()
  #snapshot: Snapshot | null = null
  #etag = ''
  #renewedAt = -Infinity
  /** What some rule or other certifies. */
  certifies: readonly Label[] = []
  /** What is wrong, or `null`. */
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

  /** Asks once: waits for a change where the proxy has a bundle. @throws CallError or Error */
  async renew (): Promise<void> {
    const wait = this.#etag === '' ? '' : `&wait=${POLL_SECONDS}`
    const path = `/v1/bundle?prefix=${encodeURIComponent(this.#options.prefix)}${wait}`
    const { status, etag, body } = await this.#service.get(path, 1000 * (POLL_SECONDS + 10), this.#etag === '' ? {} : { 'if-none-match': this.#etag })
    if (status !== 304) {
      if ((body as Bundle).format !== BUNDLE_FORMAT) {
        this.#snapshot = null
        throw new Error(`the bundle has format ${(body as Bundle).format}, and this proxy knows ${BUNDLE_FORMAT}`)
      }
      this.#snapshot = snapshotOfBundle(body as Bundle)
      this.#etag = etag
      this.#setLabels(body as Bundle)
    }
    this.#renewedAt = performance.now()
    this.problem = null
  }

  #setLabels ({ rules }: Bundle): void {
    const labels = [...new Set(rules.map(({ label = 'exact_match' as Label }) => label))].sort()
    if (labels.join() === this.certifies.join()) return
    this.certifies = labels
    this.#options.onLabels(labels)
  }

  close (): void { this.#closing.abort() }
}
