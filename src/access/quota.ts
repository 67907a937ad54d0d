/** So much of something in so much time. What is taken comes back evenly: a burst of all of it passes, and then as much as comes back. */
export class Quota {
  /** What may be taken in the window. */
  readonly amount: number
  readonly #perMs: number
  #left: number
  #at = -Infinity

  constructor (amount: number, windowMs: number) {
    this.amount = amount
    this.#perMs = amount / windowMs
    this.#left = Math.max(1, amount)
  }

  /**
   * Takes `wanted`, all or nothing.
   * @param nowMs of a clock that does not go back
   * @returns 0: taken; else the ms until as much is there, `Infinity` where it never is
   */
  take (wanted: number, nowMs: number): number {
    const most = Math.max(1, this.amount)
    if (this.#at !== -Infinity) this.#left = Math.min(most, this.#left + (nowMs - this.#at) * this.#perMs)
    this.#at = nowMs
    if (wanted > most) return Infinity
    if (wanted > this.#left) return (wanted - this.#left) / this.#perMs
    this.#left -= wanted
    return 0
  }

  /** What was taken and not used. */
  giveBack (amount: number): void {
    this.#left = Math.min(Math.max(1, this.amount), this.#left + amount)
  }
}
