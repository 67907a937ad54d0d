import type { Forced, Thought } from '../dialects/dialect.js'
import type { Decided, LocalDecider } from '../service-link/local-decider.js'
import { AnswerSignals } from './answer-signals.js'
import { meanProbability } from './confidence.js'
import { fitText } from './fit-text.js'
import type { ProbeStyle } from './probe-styles.js'

/** A check whose probe cost tokens, as it is reported. */
export interface CheckedStep {
  readonly tokens: number
  /** `null`: the probe gave none, so that nothing was decided. */
  readonly confidence: number | null
  readonly answer?: string
  readonly probe_tokens: number
  readonly signals?: Readonly<Record<string, number>>
}

export type ProbeEnd = 'ok' | 'failed' | 'skipped' | 'late'

export interface ChecksParts {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'decide'>
  readonly one: Decided
  readonly style: ProbeStyle
  readonly probe: (thought: Thought, signal: AbortSignal) => Promise<Forced>
  /** Most tokens that a probe may have. A probe that is given up counts with all of them, since nobody knows how far it came. */
  readonly maxProbeTokens: number
  readonly probeTimeoutMs: number
  /** The client has gone. */
  readonly gone: AbortSignal
  /** Whether a probe may be sent now. */
  readonly mayProbe: () => boolean
  /** Gets the tokens that the probe cost, and what it forced, if it came back in time. */
  readonly onProbe: (end: ProbeEnd, tokens: number, forced: Forced | null) => void
  /** Called at most once. */
  readonly onStop: (threshold: number) => void
}

/**
 * The checks of one generation, one at a time, beside its stream. If a probe fails, the thought goes on; a probe that is under way when the
 * thought ends is aborted. What such probes cost counts in both arms, like the cost of any other.
 */
export class Checks {
  readonly steps: CheckedStep[] = []
  probeTokens = 0
  /** Prompt tokens of the probes that the prefix cache did not have, as far as the engine tells. */
  prefillTokens = 0
  readonly #parts: ChecksParts
  readonly #signals = new AnswerSignals()
  #next: number
  #running: Promise<void> | null = null
  #hasEnded = false
  /** The probe in flight, and the tokens of the thought at its check. */
  #probing: { readonly at: number, readonly giveUp: () => void } | null = null

  constructor (parts: ChecksParts) {
    this.#parts = parts
    this.#next = parts.decider.nextCheck(parts.one, 0)
  }

  /** Tokens of the thought at which the next check is due; none is when it has ended. */
  get next (): number { return this.#hasEnded ? Infinity : this.#next }

  /** The thought has grown. */
  advance (thought: Thought): void {
    if (thought.tokens < this.#next || this.#running !== null || this.#hasEnded || this.#parts.gone.aborted) return
    this.#running = this.#check(thought).finally(() => {
      this.#running = null
      this.advance(thought) // the stream may be past the next check, too; the thought grows in place
    })
  }

  /** Resolves when no check is under way. */
  async settled (): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** The thought has ended: nothing can be stopped any more, and a probe in flight is given up. */
  end (): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#giveUp('late')
  }

  /** Counts the probe at once: the outcome may be reported before its promise rejects. */
  #giveUp (end: ProbeEnd): void {
    if (this.#probing === null) return
    const { at, giveUp } = this.#probing
    const { maxProbeTokens: tokens, onProbe } = this.#parts
    this.#probing = null
    giveUp()
    this.#spend({ tokens: at, confidence: null, probe_tokens: tokens })
    onProbe(end, tokens, null)
  }

  #spend (step: CheckedStep): void {
    this.probeTokens += step.probe_tokens
    this.steps.push(step)
  }

  async #check (thought: Thought): Promise<void> {
    const { decider, one, mayProbe, onProbe, onStop } = this.#parts
    // Where the engine tells its tokens the check is exactly at the cadence, however many came at once.
    const at = thought.ids === null ? thought.tokens : this.#next
    const prefix = { tokens: at, ids: thought.ids?.slice(0, at) ?? null, text: thought.text }
    this.#next = decider.nextCheck(one, at)
    decider.draw(one, at)
    if (!mayProbe()) { onProbe('skipped', 0, null); return }
    const forced = await this.#probe(at, prefix)
    if (forced === null) return
    const step = this.#stepOf(at, forced)
    this.#spend(step)
    onProbe('ok', forced.tokens, forced)
    const { confidence, signals } = step
    if (confidence === null || signals === undefined) return
    const decision = decider.decide(one, { tokens: at, confidence, signals })
    if (decision?.decision !== 'stop') return
    this.#hasEnded = true
    onStop(decision.threshold!)
  }

  /** `null` if the probe failed, or was given up. */
  async #probe (at: number, prefix: Thought): Promise<Forced | null> {
    const { probe, probeTimeoutMs, gone, onProbe } = this.#parts
    const aborting = new AbortController()
    const probing = { at, giveUp: () => { aborting.abort() } }
    const onGone = (): void => { this.#giveUp('late') }
    const timer = setTimeout(() => { this.#giveUp('failed') }, probeTimeoutMs)
    gone.addEventListener('abort', onGone)
    this.#probing = probing
    try {
      const forced = await probe(prefix, aborting.signal)
      return this.#probing === null ? null : forced
    } catch {
      if (this.#probing !== null) onProbe('failed', 0, null)
      return null
    } finally {
      clearTimeout(timer)
      gone.removeEventListener('abort', onGone)
      this.#probing = null
    }
  }

  #stepOf (tokens: number, { text, logprobs, tokens: probeTokens, promptTokens, cachedTokens }: Forced): CheckedStep {
    if (promptTokens !== null && cachedTokens !== null) this.prefillTokens += Math.max(0, promptTokens - cachedTokens)
    const confidence = meanProbability(logprobs)
    if (confidence === null) return { tokens, confidence, probe_tokens: probeTokens }
    const answer = fitText(this.#parts.style.forced(text), 4096)
    return { tokens, confidence, answer, probe_tokens: probeTokens, signals: this.#signals.add(answer, confidence) }
  }
}
