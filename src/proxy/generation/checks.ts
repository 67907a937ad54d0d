import type { Forced, Thought } from '../dialects/dialect.js'
import type { Decided, LocalDecider } from '../service-link/local-decider.js'
import { AnswerSignals } from './answer-signals.js'
import { meanProbability } from './confidence.js'
import { fitText } from './fit-text.js'
import type { ProbeStyle } from './probe-styles.js'

/** A check, as it is reported. */
export interface CheckedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly answer: string
  readonly probe_tokens: number
  readonly signals: Readonly<Record<string, number>>
}

export type ProbeEnd = 'ok' | 'failed' | 'skipped' | 'late'

export interface ChecksParts {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'decide'>
  readonly one: Decided
  readonly style: ProbeStyle
  readonly probe: (thought: Thought) => Promise<Forced>
  /** Whether a probe may be sent now. */
  readonly mayProbe: () => boolean
  readonly onProbe: (end: ProbeEnd, forced: Forced | null) => void
  /** Called at most once. */
  readonly onStop: (threshold: number) => void
}

/**
 * The checks of one generation, one at a time, beside its stream. A probe that comes back when the thought has ended counts in neither arm,
 * and neither does one that fails: the thought goes on.
 */
export class Checks {
  readonly steps: CheckedStep[] = []
  probeTokens = 0
  readonly #parts: ChecksParts
  readonly #signals = new AnswerSignals()
  #next: number
  #running: Promise<void> | null = null
  #hasEnded = false

  constructor (parts: ChecksParts) {
    this.#parts = parts
    this.#next = parts.decider.nextCheck(parts.one, 0)
  }

  /** Tokens of the thought at which the next check is due; none is when it has ended. */
  get next (): number { return this.#hasEnded ? Infinity : this.#next }

  /** The thought has grown. */
  advance (thought: Thought): void {
    if (this.#running !== null || this.#hasEnded || thought.tokens < this.#next) return
    this.#running = this.#check(thought).finally(() => {
      this.#running = null
      this.advance(thought) // the stream may be past the next check, too; the thought grows in place
    })
  }

  /** Resolves when no check is under way. */
  async settled (): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** The thought has ended: nothing can be stopped any more. */
  end (): void { this.#hasEnded = true }

  async #check (thought: Thought): Promise<void> {
    const { decider, one, style, probe, mayProbe, onProbe, onStop } = this.#parts
    // Where the engine tells its tokens the check is exactly at the cadence, however many came at once.
    const at = thought.ids === null ? thought.tokens : this.#next
    const prefix = { tokens: at, ids: thought.ids?.slice(0, at) ?? null, text: thought.text }
    this.#next = decider.nextCheck(one, at)
    decider.draw(one, at)
    if (!mayProbe()) { onProbe('skipped', null); return }
    let forced: Forced
    try {
      forced = await probe(prefix)
    } catch {
      onProbe(this.#hasEnded ? 'late' : 'failed', null)
      return
    }
    this.probeTokens += forced.tokens
    onProbe(this.#hasEnded ? 'late' : 'ok', forced)
    const confidence = meanProbability(forced.logprobs)
    if (this.#hasEnded || confidence === null) return
    const answer = fitText(style.forced(forced.text), 4096)
    const signals = this.#signals.add(answer, confidence)
    this.steps.push({ tokens: at, confidence, answer, probe_tokens: forced.tokens, signals })
    const decision = decider.decide(one, { tokens: at, confidence, signals })
    if (decision?.decision !== 'stop') return
    this.#hasEnded = true
    onStop(decision.threshold!)
  }
}
