import type { RawHeaders } from '../hop-by-hop.js'
import type { DialectName } from '../proxy-settings.js'

/** How long to wait after a failed detection before trying again, ms. */
const ASK_AGAIN_MS = 1000

/** The dialect of the model server: as the operator says, or as the server does when it is first asked. */
export class UpstreamDialect {
  /** `auto` until the model server has said what it is. */
  name: DialectName | 'auto'
  readonly #ask: (headers: RawHeaders) => Promise<DialectName>
  #failedAt = -Infinity

  constructor (name: DialectName | 'auto', ask: (headers: RawHeaders) => Promise<DialectName>) {
    this.name = name
    this.#ask = ask
  }

  /** @param headers of a client, with which the model server is asked. @returns `null`: it did not say */
  async find (headers: RawHeaders): Promise<DialectName | null> {
    if (this.name === 'auto' && performance.now() - this.#failedAt >= ASK_AGAIN_MS) {
      try {
        this.name = await this.#ask(headers)
      } catch {
        this.#failedAt = performance.now()
      }
    }
    return this.name === 'auto' ? null : this.name
  }
}
