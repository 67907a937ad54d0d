import type { StoppedBy } from '../../core/outcome/index.js'
import type { ReasoningPrefix } from '../dialects/dialect.js'
import { meanProbability, type ForcedAnswer, type ProbeStyle } from '../dialects/forced-answer.js'
import { fitText, MAX_ANSWER_BYTES } from '../protocol/stopgate-headers.js'
import type { LocalDecider, LocalGeneration } from '../service-link/local-decider.js'

/** A check whose probe cost tokens, as it is reported. */
interface CheckedStep {
  readonly tokens: number
  /** `null`: the probe gave none, so that no decision was made. */
  readonly confidence: number | null
  readonly answer?: string
  readonly probe_tokens: number
  readonly signals?: Readonly<Record<string, number>>
}

/** A decision to stop. The answer is written from exactly this prefix, since the probe that decided has seen no more. */
export interface StopDecision {
  readonly by: StoppedBy
  readonly prefix: ReasoningPrefix
  /** The check that decided; its tokens are those of the prefix. */
  readonly step: CheckedStep
}

/**
 * How the probe of a check ended. `unprobed`: it has no answer, such as a tool call beyond the limit of tokens; `skipped`: too many probes
 * were in flight; `late`: the reasoning had ended.
 */
export const PROBE_ENDS = ['ok', 'unprobed', 'failed', 'skipped', 'late'] as const
export type ProbeEnd = typeof PROBE_ENDS[number]

export interface ChecksOptions {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'isLeftAlone' | 'decide'>
  readonly local: LocalGeneration
  readonly style: ProbeStyle
  readonly probe: (prefix: ReasoningPrefix, signal: AbortSignal) => Promise<ForcedAnswer>
  /** Largest number of tokens of a probe. A probe that is given up counts with all of them, since its progress is unknown. */
  readonly maxProbeTokens: number
  /** Whether the engine decodes at most one token of a probe for each of the stream: one that is given up has no more than those. */
  readonly isInStep: boolean
  readonly probeTimeoutMs: number
  /** Aborts when the client has gone. */
  readonly clientGone: AbortSignal
  /** Whether a probe may be sent now. */
  readonly mayProbe: () => boolean
  /** Receives the tokens that the probe cost, and the forced answer if it came back in time. */
  readonly onProbe: (end: ProbeEnd, tokens: number, forced: ForcedAnswer | null) => void
  /** Called at most once. */
  readonly onStop: (stop: StopDecision) => void
}

/**
 * The checks of one generation, one at a time, beside its stream. If a probe fails, the reasoning goes on; a probe in flight is aborted
 * when the reasoning ends. The cost of such a probe counts in both arms, like the cost of any other.
 */
export class Checks {
  readonly steps: CheckedStep[] = []
  probeTokens = 0
  /** Prompt tokens of the probes that the prefix cache did not have, as far as the engine states them. */
  prefillTokens = 0
  readonly #options: ChecksOptions
  readonly #signals = new AnswerSignals()
  #next: number
  #running: Promise<void> | null = null
  #hasEnded = false
  /** The reasoning so far. It grows in place. */
  #reasoning: ReasoningPrefix | null = null
  /** The probe in flight, and the tokens of the reasoning at its check. */
  #probing: { readonly at: number, readonly giveUp: () => void } | null = null

  constructor (options: ChecksOptions) {
    this.#options = options
    this.#next = options.decider.nextCheck(options.local, 0)
  }

  /** Tokens of the reasoning at which the next check is due; Infinity after its end. */
  get next (): number { return this.#hasEnded ? Infinity : this.#next }

  /** The reasoning has grown. */
  advance (prefix: ReasoningPrefix): void {
    this.#reasoning = prefix
    if (prefix.tokens < this.#next || this.#running !== null || this.#hasEnded || this.#options.clientGone.aborted) return
    this.#running = this.#check(prefix).finally(() => {
      this.#running = null
      this.advance(prefix) // the stream may be past the next check, too; the prefix grows in place
    })
  }

  /** Resolves when no check is under way. */
  async settled (): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** The reasoning has ended: nothing can be stopped any more, and a probe in flight is given up. */
  end (): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#giveUp('late')
  }

  /** Counts a probe behind the end of the reasoning, which is no check. */
  addEndProbe ({ tokens, promptTokens, cachedTokens }: ForcedAnswer): void {
    this.probeTokens += tokens
    if (promptTokens !== null && cachedTokens !== null) this.prefillTokens += Math.max(0, promptTokens - cachedTokens)
  }

  /** Counts the probe at once: the outcome may be reported before its promise rejects. */
  #giveUp (end: ProbeEnd): void {
    if (this.#probing === null) return
    const { at, giveUp } = this.#probing
    const { maxProbeTokens, isInStep, onProbe } = this.#options
    const streamed = (this.#reasoning?.tokens ?? at) - at
    const tokens = isInStep ? Math.min(maxProbeTokens, streamed + 1) : maxProbeTokens
    this.#probing = null
    giveUp()
    this.#spend({ tokens: at, confidence: null, probe_tokens: tokens })
    onProbe(end, tokens, null)
  }

  #spend (step: CheckedStep): void {
    this.probeTokens += step.probe_tokens
    this.steps.push(step)
  }

  async #check (reasoning: ReasoningPrefix): Promise<void> {
    const { decider, local, mayProbe, onProbe, onStop } = this.#options
    // With token ids the check is exactly at the cadence, however many tokens came at once.
    const due = this.#next
    const at = reasoning.ids === null ? reasoning.tokens : due
    const prefix = { tokens: at, ids: reasoning.ids?.slice(0, at) ?? null, text: reasoning.text }
    this.#next = decider.nextCheck(local, at)
    decider.draw(local, at)
    if (decider.isLeftAlone(local)) { // until its end, even if a threshold comes into force before
      this.#next = Infinity
      return
    }
    if (!mayProbe()) { onProbe('skipped', 0, null); return }
    const forced = await this.#probe(at, prefix)
    if (forced === null) return
    const step = this.#stepOf(at, forced)
    this.#spend(step)
    const { confidence, signals } = step
    onProbe(confidence === null ? 'unprobed' : 'ok', forced.tokens, forced)
    if (confidence === null || signals === undefined) return
    const decision = decider.decide(local, { tokens: at, due_tokens: due, confidence, signals })
    if (decision?.decision !== 'stop' || decision.threshold === null || decision.score === null) return
    this.#hasEnded = true
    const { score, threshold, scorer, snapshot_version } = decision
    onStop({ by: { score, threshold, ...(scorer !== 'confidence' && { scorer }), snapshot_version }, prefix, step })
  }

  /** `null` if the probe failed, or was given up. */
  async #probe (at: number, prefix: ReasoningPrefix): Promise<ForcedAnswer | null> {
    const { probe, probeTimeoutMs, clientGone, onProbe } = this.#options
    const aborting = new AbortController()
    const probing = { at, giveUp: () => { aborting.abort() } }
    const onGone = (): void => { this.#giveUp('late') }
    const timer = setTimeout(() => { this.#giveUp('failed') }, probeTimeoutMs)
    clientGone.addEventListener('abort', onGone)
    this.#probing = probing
    try {
      const forced = await probe(prefix, aborting.signal)
      return this.#probing === null ? null : forced
    } catch {
      if (this.#probing !== null) onProbe('failed', 0, null)
      return null
    } finally {
      clearTimeout(timer)
      clientGone.removeEventListener('abort', onGone)
      this.#probing = null
    }
  }

  #stepOf (tokens: number, { text, logprobs, tokens: probeTokens, promptTokens, cachedTokens }: ForcedAnswer): CheckedStep {
    if (promptTokens !== null && cachedTokens !== null) this.prefillTokens += Math.max(0, promptTokens - cachedTokens)
    const confidence = meanProbability(logprobs)
    if (confidence === null) return { tokens, confidence, probe_tokens: probeTokens }
    const answer = fitText(this.#options.style.forced(text), MAX_ANSWER_BYTES)
    return { tokens, confidence, answer, probe_tokens: probeTokens, signals: this.#signals.add(answer, confidence) }
  }
}

/** The signals with a fixed meaning that cost nothing beside a probe: see docs/concepts/predictors.md. */
export class AnswerSignals {
  readonly #answers: string[] = []
  #last: number | null = null
  #highest = 0

  /** The signals of a check. Call it in the order of the checks. */
  add (answer: string, confidence: number): Readonly<Record<string, number>> {
    this.#answers.push(answer)
    const differs = this.#answers.findLastIndex((earlier) => earlier !== answer)
    const delta = confidence - (this.#last ?? confidence)
    this.#last = confidence
    this.#highest = Math.max(this.#highest, confidence)
    const counts = new Map<string, number>()
    for (const earlier of this.#answers) counts.set(earlier, (counts.get(earlier) ?? 0) + 1)
    return {
      answer_streak: this.#answers.length - 1 - differs,
      confidence_delta: delta,
      confidence_max: this.#highest,
      vote_share: Math.max(...counts.values()) / this.#answers.length,
    }
  }
}
