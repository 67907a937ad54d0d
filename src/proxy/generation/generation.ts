import type { Asked } from '../asked.js'
import type { Dialect, Piece, Pieces, Run, Usage } from '../dialects/dialect.js'
import { StreamError } from '../dialects/openai-pieces.js'
import type { ProxyMetrics } from '../proxy-metrics.js'
import type { Decided, LocalDecider } from '../service-link/local-decider.js'
import { Checks } from './checks.js'
import type { ClientReply, StopgateField } from './client-reply.js'
import type { LengthEstimate } from './length-estimate.js'
import { cancelledOutcome, outcomeOf } from './outcome-of.js'
import type { ProbeStyle } from './probe-styles.js'
import { ThoughtTracker, type ThinkTags } from './thought-tracker.js'

export interface GenerationParts {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'decide'>
  readonly metrics: ProxyMetrics
  readonly lengths: LengthEstimate
  readonly report: (outcome: object) => void
  readonly style: ProbeStyle
  readonly tags: ThinkTags
  readonly close: string
  readonly mayProbe: () => boolean
  /** A probe was sent (1), or has come to its end (-1). */
  readonly onProbing: (change: 1 | -1) => void
  readonly probeTimeoutMs: number
  /** Most tokens of a forced answer. */
  readonly maxProbeTokens: number
}

export interface GenerationOf {
  readonly asked: Asked
  readonly dialect: Dialect
  readonly run: Run
  readonly one: Decided
  readonly reply: ClientReply
  readonly parts: GenerationParts
  /** The client has gone. */
  readonly signal: AbortSignal
}

/** One generation: its stream to the client, the checks beside it, and the answer after a stop. */
export class Generation {
  readonly #asked: Asked
  readonly #dialect: Dialect
  readonly #run: Run
  readonly #one: Decided
  readonly #parts: GenerationParts
  readonly #reply: ClientReply
  readonly #signal: AbortSignal
  readonly #tracker: ThoughtTracker
  readonly #checks: Checks
  readonly #thought = { tokens: 0, ids: null as number[] | null, text: '' }
  #isFirst = true
  #tokens = 0
  #content = ''
  #usage: Usage | null = null
  #threshold: number | null = null
  /** What came while the answer was being asked for, and is dropped if it comes. */
  #held: Piece[] | null = null
  #answering: Promise<Pieces | null> | null = null

  constructor ({ asked, dialect, run, one, reply, parts, signal }: GenerationOf) {
    this.#asked = asked
    this.#dialect = dialect
    this.#run = run
    this.#one = one
    this.#reply = reply
    this.#parts = parts
    this.#signal = signal
    this.#tracker = new ThoughtTracker(parts.tags)
    this.#checks = new Checks({
      decider: parts.decider,
      one,
      style: parts.style,
      mayProbe: parts.mayProbe,
      maxProbeTokens: parts.maxProbeTokens,
      probeTimeoutMs: parts.probeTimeoutMs,
      gone: signal,
      probe: async (thought, signal) => {
        parts.onProbing(1)
        try {
          return await run.probe(thought, signal)
        } finally {
          parts.onProbing(-1)
        }
      },
      onProbe: (end, tokens, forced) => { parts.metrics.probed(dialect, end, tokens, forced) },
      onStop: (threshold) => { this.#stop(threshold) },
    })
  }

  /** Serves it to the end. Never throws. */
  async serve (): Promise<void> {
    const { metrics } = this.#parts
    try {
      const answer = await this.#think()
      if (answer === null) this.#finish()
      else await this.#answer(answer)
    } catch (error) {
      this.#checks.end()
      this.#run.abort()
      const isGone = this.#signal.aborted
      metrics.ended(this.#one.arm, isGone ? 'cancelled' : 'broken')
      if (isGone && this.#one.arm !== null) this.#parts.report(cancelledOutcome(this.#one, this.#asked, this.#tokens, this.#checks))
      this.#reply.fail(error instanceof StreamError ? error.chunk : null)
    }
  }

  /** @returns the answer where the thought was stopped */
  async #think (): Promise<Pieces | null> {
    try {
      await this.#run.pieces(() => this.#checks.next)((pieces) => this.#takeAll(pieces))
    } catch (error) {
      const answer = await this.#answering
      if (answer === null || this.#signal.aborted) throw error // else the thought was ended for the answer's sake
      return answer
    }
    return await this.#answering
  }

  #takeAll (pieces: readonly Piece[]): Promise<unknown> | null {
    const since = this.#parts.metrics.startHandling()
    this.#reply.together(() => {
      for (const piece of pieces) if (this.#held === null) this.#take(piece); else this.#held.push(piece)
    })
    if (since !== null) this.#parts.metrics.handled(since)
    return this.#dialect.hasPauses ? this.#settled() : this.#reply.drained()
  }

  /** Waits until nothing is decided any more and the client has taken what was written. */
  async #settled (): Promise<void> {
    await this.#checks.settled()
    await this.#answering
    await this.#reply.drained()
  }

  #take (piece: Piece): void {
    if (this.#isFirst) {
      this.#isFirst = false
      if (this.#run.isOpened()) this.#tracker.opened()
    }
    this.#tokens += piece.tokens
    const tracker = this.#tracker
    tracker.add(piece.reasoning, piece.content)
    if (piece.isClosing) tracker.closed()
    if (piece.usage !== null) this.#usage = piece.usage
    if (tracker.state === 'ended' || tracker.state === 'absent') {
      this.#checks.end()
      this.#content += piece.content
    } else this.#grow(piece)
    this.#reply.pass(piece, this.#field)
    if (tracker.state === 'thinking') this.#checks.advance(this.#thought)
  }

  #grow ({ tokens, ids, reasoning, content }: Piece): void {
    const thought = this.#thought
    thought.tokens += tokens
    if (!this.#dialect.hasIds) thought.text += reasoning + content
    else if (ids !== null) for (const id of ids) (thought.ids ??= []).push(id)
  }

  /** Asks for the answer, and ends the thought's stream only when the engine has taken that: else the thought goes on. */
  #stop (threshold: number): void {
    const room = (this.#asked.maxTokens ?? Infinity) - this.#thought.tokens
    if (this.#tracker.state !== 'thinking' || room < 1) return
    this.#held = []
    this.#answering = this.#run.answer(this.#thought, this.#signal).then((answer) => {
      this.#threshold = threshold
      this.#parts.metrics.aborted('stop')
      this.#run.abort()
      return answer
    }, (error: Error) => {
      this.#parts.metrics.stopFailed(error)
      const held = this.#held!
      this.#held = null
      for (const piece of held) this.#take(piece)
      return null
    })
  }

  async #answer (pieces: Pieces): Promise<void> {
    const { tags, close } = this.#parts
    let text = ''
    let finish: string | null = null
    let counted = 0
    let usage = null as Usage | null
    if (this.#tracker.isInText) this.#reply.write(close)
    await pieces((read) => {
      this.#reply.together(() => {
        for (const piece of read) {
          counted += piece.tokens
          text += piece.content
          finish = piece.finish ?? finish
          usage = piece.usage ?? usage
          if (piece.content !== '') this.#reply.write(piece.content)
        }
      })
      return this.#reply.drained()
    })
    const answerTokens = usage?.completion_tokens ?? counted
    this.#tokens = this.#thought.tokens + answerTokens
    this.#content = tags.close + text
    const prompt = this.#run.promptTokens() ?? usage?.prompt_tokens ?? 0
    this.#reply.end(finish ?? 'stop', {
      prompt_tokens: prompt,
      completion_tokens: this.#tokens,
      total_tokens: prompt + this.#tokens,
      completion_tokens_details: { reasoning_tokens: this.#thought.tokens },
    } as Usage, this.#field())
    this.#report(answerTokens)
  }

  #finish (): void {
    this.#checks.end()
    this.#tokens = this.#usage?.completion_tokens ?? this.#tokens
    this.#reply.end(null, this.#usage, this.#field())
    if (this.#one.arm === 'control') this.#parts.lengths.add(this.#one.context, this.#tokens)
    this.#report(this.#tokens - this.#thought.tokens)
  }

  #report (answerTokens: number): void {
    const isStopped = this.#threshold !== null
    const { metrics, report, style, tags } = this.#parts
    metrics.ended(this.#one.arm, isStopped ? 'stopped' : this.#tracker.state === 'ended' ? 'finished' : 'no_thought')
    metrics.generated(this.#thought.tokens, answerTokens)
    if (this.#one.arm === null) return
    const answer = style.final(this.#content.split(tags.close).at(-1)!)
    report(outcomeOf(this.#one, this.#asked, { tokens: this.#tokens, answerTokens, answer, isStopped, checks: this.#checks }))
  }

  readonly #field = (): StopgateField => {
    const isStopped = this.#threshold !== null
    return {
      generation_id: this.#one.id,
      arm: this.#one.arm,
      stopped: isStopped,
      tokens: this.#tokens,
      threshold: this.#threshold,
      probe_tokens: this.#checks.probeTokens,
      tokens_saved: isStopped ? this.#parts.lengths.saved(this.#one.context, this.#tokens) : this.#one.arm === 'treated' ? 0 : null,
    }
  }
}
