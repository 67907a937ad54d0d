/** A bound, and until when it holds, by the follow-up clock. */
export interface Bound { readonly value: number, readonly until: number }

export interface StoredBounds { readonly cutoffs: readonly Bound[], readonly shares: readonly Bound[] }

/** Which draws may enrol: second hashes below every cutoff, and u below twice the largest share, each while it matters. */
export class DrawBounds {
  #cutoffs: readonly Bound[]
  #shares: readonly Bound[]

  constructor ({ cutoffs, shares }: StoredBounds = { cutoffs: [], shares: [] }) {
    this.#cutoffs = cutoffs
    this.#shares = shares
  }

  store (): StoredBounds { return { cutoffs: this.#cutoffs, shares: this.#shares } }

  /** Second hashes from the bound's value on were left out. */
  addCutoff (bound: Bound, clock: number): void {
    this.#cutoffs = withBound(this.#cutoffs, bound, clock, (value) => value >= bound.value)
  }

  /** An entry drew at this share. */
  addShare (bound: Bound, clock: number): void {
    this.#shares = withBound(this.#shares, bound, clock, (value) => value <= bound.value)
  }

  /** The smallest cutoff; Infinity without any. */
  cutoff (clock: number): number {
    return this.#cutoffs.reduce((least, { value, until }) => until > clock ? Math.min(least, value) : least, Infinity)
  }

  /** The largest share of late, at least the given one. */
  widestShare (share: number, clock: number): number {
    return this.#shares.reduce((most, { value, until }) => until > clock ? Math.max(most, value) : most, share)
  }
}

/** Adds a bound and drops expired ones and those that the new one outlasts and covers. */
function withBound (bounds: readonly Bound[], added: Bound, clock: number, isCovered: (value: number) => boolean): readonly Bound[] {
  return [...bounds.filter(({ value, until }) => until > clock && !(until <= added.until && isCovered(value))), added]
}
