/** The signals with a fixed meaning that cost nothing beside a probe: see docs/integrate/signals.md. */
export class AnswerSignals {
  readonly #answers: string[] = []
  #last: number | null = null
  #highest = 0

  /** The signals of a check, in the order of the checks. */
  add (answer: string, confidence: number): Readonly<Record<string, number>> {
    this.#answers.push(answer)
    const differs = this.#answers.findLastIndex((one) => one !== answer)
    const delta = confidence - (this.#last ?? confidence)
    this.#last = confidence
    this.#highest = Math.max(this.#highest, confidence)
    const counts = new Map<string, number>()
    for (const one of this.#answers) counts.set(one, (counts.get(one) ?? 0) + 1)
    return {
      answer_streak: this.#answers.length - 1 - differs,
      confidence_delta: delta,
      confidence_max: this.#highest,
      vote_share: Math.max(...counts.values()) / this.#answers.length,
    }
  }
}
