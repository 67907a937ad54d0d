import type { IncomingMessage, ServerResponse } from 'node:http'
import { BodyAdmission, type BodyTicket } from '../http/body-admission.js'
import { onClosed } from './client-http.js'
import type { ProxySettings } from './proxy-settings.js'

type Limits = Pick<ProxySettings, 'PROXY_MAX_REQUESTS' | 'PROXY_MAX_HELD_MIB' | 'PROXY_ADDRESS_SHARE'>

/**
 * Admits the requests of clients. A request for n samples counts as n, since each of them is a request to the model server. A request is in
 * flight from the time its body has arrived: one whose body is still arriving has cost the model server nothing, and must not keep others
 * out.
 */
export class ClientAdmission {
  readonly #maxRequests: number
  readonly #share: number
  readonly #bodies: BodyAdmission
  readonly #byAddress = new Map<string, number>()
  #inFlight = 0

  constructor ({ PROXY_MAX_REQUESTS: maxRequests, PROXY_MAX_HELD_MIB: heldMib, PROXY_ADDRESS_SHARE: share }: Limits) {
    this.#maxRequests = maxRequests
    this.#share = share
    this.#bodies = new BodyAdmission({ totalBytes: heldMib * 2 ** 20, share })
  }

  get inFlight (): number { return this.#inFlight }

  get heldBytes (): number { return this.#bodies.heldBytes }

  /** Whether so many further generations of this client must be refused. */
  isFull (request: IncomingMessage, generations = 1): boolean {
    const holder = this.#holderOf(request)
    return this.#inFlight + generations > this.#maxRequests ||
      (holder !== null && (this.#byAddress.get(holder) ?? 0) + generations > this.#limitOf(holder))
  }

  /** Whether a request for so many generations can ever be admitted. */
  mayServe (request: IncomingMessage, generations: number): boolean { return generations <= this.#limitOf(this.#holderOf(request)) }

  /** Counts generations until their reply has ended or the client has gone. */
  enter (request: IncomingMessage, response: ServerResponse, generations = 1): void {
    const holder = this.#holderOf(request)
    this.#count(holder, generations)
    onClosed(request, response, () => { this.#count(holder, -generations) })
  }

  /** Admits a body until the reply has ended or the client has gone. */
  openBody (request: IncomingMessage, response: ServerResponse): BodyTicket {
    const ticket = this.#bodies.open(this.#holderOf(request))
    onClosed(request, response, () => { ticket.release() })
    return ticket
  }

  /** The client's address, where each address has a share; `null`: it has none. */
  #holderOf ({ socket }: IncomingMessage): string | null {
    return this.#share === 1 ? null : socket.remoteAddress ?? ''
  }

  #limitOf (holder: string | null): number {
    return holder === null ? this.#maxRequests : Math.max(1, Math.ceil(this.#maxRequests * this.#share))
  }

  #count (holder: string | null, change: number): void {
    this.#inFlight += change
    if (holder === null) return
    const count = (this.#byAddress.get(holder) ?? 0) + change
    if (count === 0) this.#byAddress.delete(holder); else this.#byAddress.set(holder, count)
  }
}
