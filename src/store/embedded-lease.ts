/** The learner's lease. In memory: all who could hold one on a folder end with its process. */
export class EmbeddedLease {
  #current: { readonly token: number, readonly holder: string, readonly until: number } | null = null

  isHeldByOther (holder: string): boolean {
    return this.#current !== null && this.#current.holder !== holder && this.isCurrent(this.#current.token)
  }

  /** Whether the token is the newest lease's, and that runs. */
  isCurrent (token: number): boolean {
    return this.#current !== null && this.#current.token === token && performance.now() < this.#current.until
  }

  /** @param token higher than all before */
  give (holder: string, token: number, ttlMs: number): void {
    this.#current = { token, holder, until: performance.now() + ttlMs }
  }

  renew (token: number, ttlMs: number): boolean {
    if (!this.isCurrent(token)) return false
    this.give(this.#current!.holder, token, ttlMs)
    return true
  }

  /** Whoever holds it. */
  end (): void { this.#current = null }

  release (token: number): void {
    if (this.isCurrent(token)) this.#current = null
  }
}
