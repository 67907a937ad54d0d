/** Pieces of a span into which the traffic is counted. */
const PIECES = 64

/** What was enrolled from a time on, by the follow-up clock, ms: control units, and the generations that they stand for. */
type Piece = readonly [at: number, units: number, generations: number]

export interface StoredTraffic {
  /** When the first unit of the context was enrolled, by the follow-up clock, ms; `null`: none was. */
  readonly first: number | null
  /** Of the last span, the oldest first. */
  readonly pieces: readonly Piece[]
}

const NO_TRAFFIC: StoredTraffic = { first: null, pieces: [] }

/**
 * How many generations of a context begin in a span, as its control enrolments show: each unit stands for 1 / (share x label rate) of them.
 * Mutable. Times by the follow-up clock, ms.
 */
export class Traffic {
  #first: number | null
  #pieces: Piece[]

  constructor ({ first, pieces }: StoredTraffic = NO_TRAFFIC) {
    this.#first = first
    this.#pieces = [...pieces]
  }

  /** Traffic of before the clock began. @param generations of the last span @param age how long it is known, ms */
  static before (generations: number, age: number): Traffic { return new Traffic({ first: -age, pieces: [[0, 0, generations]] }) }

  store (): StoredTraffic { return { first: this.#first, pieces: [...this.#pieces] } }

  /** Adds enrolled units. @param generations that they stand for */
  add (units: number, generations: number, clock: number, span: number): void {
    this.#first ??= clock
    const last = this.#pieces.at(-1)
    if (last !== undefined && clock < last[0] + span / PIECES) {
      this.#pieces[this.#pieces.length - 1] = [last[0], last[1] + units, last[2] + generations]
      return
    }
    this.#pieces = this.#pieces.filter(([at]) => at > clock - span)
    this.#pieces.push([clock, units, generations])
  }

  /** Time since the first enrolment; 0: there was none. */
  age (clock: number): number { return this.#first === null ? 0 : clock - this.#first }

  /** Generations of the last span, scaled up while less than a span has passed. @param least time that they are scaled from, ms */
  perSpan (clock: number, span: number, least: number): number {
    return this.#within(clock, span).generations * span / Math.min(span, Math.max(least, this.age(clock)))
  }

  /** The share of the generations of the last span that were enrolled; 1: there were none. */
  enrolledShare (clock: number, span: number): number {
    const { units, generations } = this.#within(clock, span)
    return generations === 0 ? 1 : units / generations
  }

  #within (clock: number, span: number): { readonly units: number, readonly generations: number } {
    let [units, generations] = [0, 0]
    for (const [at, enrolled, stoodFor] of this.#pieces) {
      if (at <= clock - span) continue
      units += enrolled
      generations += stoodFor
    }
    return { units, generations }
  }
}
