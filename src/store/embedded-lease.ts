/** The learner's lease. It is in memory, since every possible holder ends with the process that holds the folder. */
export class EmbeddedLease {
  #current: { readonly token: number, readonly holder: string, readonly until: number } | null = null

  isHeldByOther (holder: string): boolean {
    return this.#current !== null && this.#current.holder !== holder && this.isCurrent(this.#current.token)
  }

  /** Whether the token is that of the newest lease, and the lease still runs. */
  isCurrent (token: number): boolean {
    return this.#current !== null && this.#current.token === token && performance.now() < this.#current.until
  }

  /** @param token higher than all earlier tokens */
  give (holder: string, token: number, ttlMs: number): void {
    this.#current = { token, holder, until: performance.now() + ttlMs }
  }

  renew (token: number, ttlMs: number): boolean {
    if (!this.isCurrent(token)) return false
    this.give(this.#current!.holder, token, ttlMs)
    return true
  }

  /** Ends the lease, whoever holds it. */
  end (): void { this.#current = null }

  release (token: number): void {
    if (this.isCurrent(token)) this.#current = null
  }
}
