import type { Context } from '../../core/policy/context.js'

const LENGTHS = 256
const MOST_CONTEXTS = 1024

/** What a stop is likely to have saved, by the lengths of control generations that this process has seen lately. */
export class LengthEstimate {
  readonly #lengths = new Map<string, number[]>()

  /** A generation that ran in full. */
  add (context: Context, tokens: number): void {
    const key = JSON.stringify(context)
    const lengths = this.#lengths.get(key) ?? []
    if (lengths.length === 0) {
      if (this.#lengths.size >= MOST_CONTEXTS) this.#lengths.clear()
      this.#lengths.set(key, lengths)
    }
    lengths.push(tokens)
    if (lengths.length > LENGTHS) lengths.shift()
  }

  /** Mean of what longer ones took beyond `tokens`; `null`: there were none. */
  saved (context: Context, tokens: number): number | null {
    const longer = (this.#lengths.get(JSON.stringify(context)) ?? []).filter((length) => length > tokens)
    return longer.length === 0 ? null : Math.round(longer.reduce((sum, length) => sum + length - tokens, 0) / longer.length)
  }
}
