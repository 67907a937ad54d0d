/** A token bucket: it allows a burst of `amount`, and refills evenly at `amount` for each window. */
export class Quota {
  /** Size of the bucket, and its refill for each window. */
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
   * Takes `wanted`, or nothing if less is left.
   * @param nowMs time of a monotonic clock
   * @returns 0 if it was taken; else the time until enough is left, ms, or `Infinity` if the bucket is too small
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

  /** Returns what was taken and not used. */
  giveBack (amount: number): void {
    this.#left = Math.min(Math.max(1, this.amount), this.#left + amount)
  }
}
