/** Bytes of a body that are always admitted: a body up to this size costs less to read than to refuse. */
export const FREE_BODY_BYTES = 64 * 1024

/**
 * Why a body is refused. `full`: the bodies in memory have reached their total. `share`: those of its holder have reached the share of one
 * holder.
 */
export type Refusal = 'full' | 'share'

interface AdmissionOptions {
  /** Limit on the bodies in memory at once, without the first FREE_BODY_BYTES of each. */
  readonly totalBytes: number
  /** Part of it that one holder may have, 0 to 1. */
  readonly share: number
}

/**
 * The rule by which the service and the proxy admit request bodies. It counts the bytes that have arrived, not the announced length, which
 * costs the client nothing. A holder is a client that gets one share, such as a token or an address.
 */
export class BodyAdmission {
  readonly #totalBytes: number
  readonly #shareBytes: number
  #heldBytes = 0
  readonly #byHolder = new Map<string, number>()

  constructor ({ totalBytes, share }: AdmissionOptions) {
    this.#totalBytes = totalBytes
    this.#shareBytes = totalBytes * share
  }

  /** Bytes of bodies that are held. */
  get heldBytes (): number { return this.#heldBytes }

  /** @param holder `null`: the client has no share of its own, and may have the total */
  open (holder: string | null): BodyTicket { return new BodyTicket(this, holder) }

  /** Why a holder cannot have further bytes; `null`: it can. */
  refusal (holder: string | null, bytes: number): Refusal | null {
    if (holder !== null && (this.#byHolder.get(holder) ?? 0) + bytes > this.#shareBytes) return 'share'
    return this.#heldBytes + bytes > this.#totalBytes ? 'full' : null
  }

  /** Adds bytes to those of a holder; negative: subtracts them. */
  add (holder: string | null, bytes: number): void {
    this.#heldBytes += bytes
    if (holder === null) return
    const held = (this.#byHolder.get(holder) ?? 0) + bytes
    if (held === 0) this.#byHolder.delete(holder); else this.#byHolder.set(holder, held)
  }
}

/** The part of one body in the total. */
export class BodyTicket {
  readonly #admission: BodyAdmission
  readonly #holder: string | null
  #countedBytes = 0
  #isReleased = false

  constructor (admission: BodyAdmission, holder: string | null) {
    this.#admission = admission
    this.#holder = holder
  }

  /**
   * Counts a body that has grown.
   * @param arrivedBytes bytes of the body that have arrived, in all
   * @param isForced whether it is counted even if there is no room
   * @returns why it is refused, if so; nothing is counted then
   */
  grow (arrivedBytes: number, isForced = false): Refusal | null {
    const bytes = arrivedBytes - FREE_BODY_BYTES - this.#countedBytes
    if (bytes <= 0 || this.#isReleased) return null
    const refusal = isForced ? null : this.#admission.refusal(this.#holder, bytes)
    if (refusal !== null) return refusal
    this.#admission.add(this.#holder, bytes)
    this.#countedBytes += bytes
    return null
  }

  /** Returns the counted bytes; further calls do nothing. */
  release (): void {
    if (this.#isReleased) return
    this.#isReleased = true
    if (this.#countedBytes > 0) this.#admission.add(this.#holder, -this.#countedBytes)
  }
}
