import { fieldOf, itemsOf } from '../protocol/json.js'
import { jsonRequestHeaders, type RawHeaders } from '../protocol/raw-headers.js'
import { UpstreamError, type Upstream } from '../protocol/upstream.js'

/** Shortest time between two requests for the list, ms: clients choose the names that are looked up. */
const AGAIN_MS = 1000

const TIMEOUT_MS = 5000

/** The models in `/v1/models`. @param headers of a client, whose credentials are used. @throws UpstreamError, or an error of undici */
export async function listModels (upstream: Pick<Upstream, 'json'>, headers: RawHeaders): Promise<readonly unknown[]> {
  const list = await upstream.json('/v1/models', jsonRequestHeaders(headers), undefined, AbortSignal.timeout(TIMEOUT_MS))
  if (list === null) throw new UpstreamError('/v1/models was answered with null')
  return itemsOf(fieldOf(list, 'data'))
}

/**
 * The names of models that the model server lists. Servers that ignore the name in a request accept any, so that clients could fill the
 * store with contexts by it.
 */
export class ListedModels {
  readonly #list: (headers: RawHeaders) => Promise<readonly unknown[]>
  #names: readonly string[] = []
  #asked: Promise<void> | null = null
  #askedAt = -Infinity

  constructor (list: (headers: RawHeaders) => Promise<readonly unknown[]>) { this.#list = list }

  /** The listed model that a name means: itself, or the only one there is; `null`: it is not known. */
  async find (name: string, headers: RawHeaders): Promise<string | null> {
    if (!this.#names.includes(name) && performance.now() - this.#askedAt >= AGAIN_MS) {
      this.#askedAt = performance.now()
      this.#asked = this.#list(headers).then((models) => {
        this.#names = models.map((model) => fieldOf(model, 'id')).filter((id) => typeof id === 'string')
      }, () => {})
    }
    if (!this.#names.includes(name)) await this.#asked
    if (this.#names.includes(name)) return name
    return this.#names.length === 1 ? this.#names[0]! : null
  }
}
