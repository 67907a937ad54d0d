import type { Dialect, EngineRun, ReasoningTags } from '../dialects/dialect.js'
import type { ForcedAnswer, ProbeStyle } from '../dialects/forced-answer.js'
import { StreamError, usageOf, type Piece, type PieceReader, type Usage } from '../protocol/openai-chunks.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { LocalDecider, LocalGeneration } from '../service-link/local-decider.js'
import { Checks, type ProbeEnd } from './checks.js'
import type { ClientReply, StopgateField } from './client-reply.js'
import { cancelledOutcome, finishedOutcome, type LengthEstimate } from './generation-report.js'
import { ReasoningTracker } from './reasoning-tracker.js'

export const GENERATION_ENDS = ['finished', 'stopped', 'no_thought', 'cancelled', 'broken'] as const
export type GenerationEnd = typeof GENERATION_ENDS[number]

/** The events that a generation counts. */
export interface GenerationMetrics {
  readonly ended: (arm: string | null, end: GenerationEnd) => void
  /** A stream of the model server was ended early. */
  readonly aborted: (cause: 'stop') => void
  readonly stopFailed: (error: Error) => void
  readonly generated: (reasoningTokens: number, answerTokens: number) => void
  readonly probed: (dialect: Dialect, end: ProbeEnd, tokens: number, forced: ForcedAnswer | null) => void
  /** @returns the start time of a read that is timed, otherwise `null` */
  readonly startHandling: () => number | null
  readonly handled: (since: number) => void
}

/** What all generations share. */
export interface GenerationDependencies {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'decide'>
  readonly metrics: GenerationMetrics
  readonly lengths: LengthEstimate
  readonly report: (outcome: object) => void
  readonly style: ProbeStyle
  readonly tags: ReasoningTags
  /** The text that closes the reasoning at a stop. */
  readonly closeText: string
  readonly mayProbe: () => boolean
  /** A probe was sent (1), or has ended (-1). */
  readonly onProbing: (change: 1 | -1) => void
  readonly probeTimeoutMs: number
  /** Largest number of tokens of a forced answer. */
  readonly maxProbeTokens: number
}

export interface GenerationOptions {
  readonly request: StoppableRequest
  readonly dialect: Dialect
  readonly run: EngineRun
  readonly local: LocalGeneration
  readonly reply: ClientReply
  readonly dependencies: GenerationDependencies
  /** Aborts when the client has gone. */
  readonly clientGone: AbortSignal
}

/** One generation: its stream to the client, the checks beside it, and the answer after a stop. */
export class Generation {
  readonly #request: StoppableRequest
  readonly #dialect: Dialect
  readonly #run: EngineRun
  readonly #local: LocalGeneration
  readonly #dependencies: GenerationDependencies
  readonly #reply: ClientReply
  readonly #clientGone: AbortSignal
  readonly #tracker: ReasoningTracker
  readonly #checks: Checks
  readonly #reasoning = { tokens: 0, ids: null as number[] | null, text: '' }
  #isFirst = true
  #tokens = 0
  #content = ''
  #usage: Usage | null = null
  #threshold: number | null = null
  /** What came while the answer was being asked for, and is dropped if it comes. */
  #held: Piece[] | null = null
  #answering: Promise<PieceReader | null> | null = null

  constructor ({ request, dialect, run, local, reply, dependencies, clientGone }: GenerationOptions) {
    this.#request = request
    this.#dialect = dialect
    this.#run = run
    this.#local = local
    this.#reply = reply
    this.#dependencies = dependencies
    this.#clientGone = clientGone
    this.#tracker = new ReasoningTracker(dependencies.tags)
    this.#checks = new Checks({
      decider: dependencies.decider,
      local,
      style: dependencies.style,
      mayProbe: dependencies.mayProbe,
      maxProbeTokens: dependencies.maxProbeTokens,
      probeTimeoutMs: dependencies.probeTimeoutMs,
      clientGone,
      probe: async (thought, signal) => {
        dependencies.onProbing(1)
        try {
          return await run.probe(thought, signal)
        } finally {
          dependencies.onProbing(-1)
        }
      },
      onProbe: (end, tokens, forced) => { dependencies.metrics.probed(dialect, end, tokens, forced) },
      onStop: (threshold) => { this.#stop(threshold) },
    })
  }

  /** Serves it to the end. Never throws. */
  async serve (): Promise<void> {
    const { metrics } = this.#dependencies
    try {
      const answer = await this.#think()
      if (answer === null) this.#finish()
      else await this.#answer(answer)
    } catch (error) {
      this.#checks.end()
      this.#run.abort()
      const isGone = this.#clientGone.aborted
      metrics.ended(this.#local.arm, isGone ? 'cancelled' : 'broken')
      if (isGone && this.#local.arm !== null) {
        this.#dependencies.report(cancelledOutcome(this.#local, this.#request, this.#tokens, this.#checks))
      }
      this.#reply.fail(error instanceof StreamError ? error.chunk : null)
    }
  }

  /** @returns the answer where the thought was stopped */
  async #think (): Promise<PieceReader | null> {
    try {
      await this.#run.pieces(() => this.#checks.next)((pieces) => this.#takeAll(pieces))
    } catch (error) {
      const answer = await this.#answering
      if (answer === null || this.#clientGone.aborted) throw error // else the thought was ended for the answer's sake
      return answer
    }
    return await this.#answering
  }

  #takeAll (pieces: readonly Piece[]): Promise<unknown> | null {
    const since = this.#dependencies.metrics.startHandling()
    this.#reply.sendTogether(() => {
      for (const piece of pieces) if (this.#held === null) this.#take(piece); else this.#held.push(piece)
    })
    if (since !== null) this.#dependencies.metrics.handled(since)
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
      if (this.#run.isOpened()) this.#tracker.open()
    }
    this.#tokens += piece.tokens
    const tracker = this.#tracker
    tracker.add(piece.reasoning, piece.content)
    if (piece.isClosing) tracker.close()
    if (piece.usage !== null) this.#usage = piece.usage
    if (tracker.state === 'ended' || tracker.state === 'absent') {
      this.#checks.end()
      this.#content += piece.content
    } else this.#grow(piece)
    this.#reply.pass(piece, this.#field)
    if (tracker.state === 'reasoning') this.#checks.advance(this.#reasoning)
  }

  #grow ({ tokens, ids, reasoning, content }: Piece): void {
    const prefix = this.#reasoning
    prefix.tokens += tokens
    if (!this.#dialect.hasIds) prefix.text += reasoning + content
    else if (ids !== null) for (const id of ids) (prefix.ids ??= []).push(id)
  }

  /** Asks for the answer, and ends the thought's stream only when the engine has taken that: else the thought goes on. */
  #stop (threshold: number): void {
    const room = (this.#request.maxTokens ?? Infinity) - this.#reasoning.tokens
    if (this.#tracker.state !== 'reasoning' || room < 1) return
    this.#held = []
    this.#answering = this.#run.answer(this.#reasoning, this.#clientGone).then((answer) => {
      this.#threshold = threshold
      this.#dependencies.metrics.aborted('stop')
      this.#run.abort()
      return answer
    }, (error: Error) => {
      this.#dependencies.metrics.stopFailed(error)
      const held = this.#held!
      this.#held = null
      for (const piece of held) this.#take(piece)
      return null
    })
  }

  async #answer (pieces: PieceReader): Promise<void> {
    const { tags, closeText } = this.#dependencies
    let text = ''
    let finish: string | null = null
    let counted = 0
    let usage = null as Usage | null
    if (this.#tracker.isInText) this.#reply.write(closeText)
    await pieces((read) => {
      this.#reply.sendTogether(() => {
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
    const answerTokens = usage?.completionTokens ?? counted
    this.#tokens = this.#reasoning.tokens + answerTokens
    this.#content = tags.close + text
    const prompt = this.#run.promptTokens() ?? usage?.promptTokens ?? 0
    const details = { completion_tokens_details: { reasoning_tokens: this.#reasoning.tokens } }
    this.#reply.end(finish ?? 'stop', usageOf(prompt, this.#tokens, details), this.#field())
    this.#report(answerTokens)
  }

  #finish (): void {
    this.#checks.end()
    this.#tokens = this.#usage?.completionTokens ?? this.#tokens
    this.#reply.end(null, this.#usage, this.#field())
    if (this.#local.arm === 'control') this.#dependencies.lengths.add(this.#local.context, this.#tokens)
    this.#report(this.#tokens - this.#reasoning.tokens)
  }

  #report (answerTokens: number): void {
    const isStopped = this.#threshold !== null
    const { metrics, report, style, tags } = this.#dependencies
    metrics.ended(this.#local.arm, isStopped ? 'stopped' : this.#tracker.state === 'ended' ? 'finished' : 'no_thought')
    metrics.generated(this.#reasoning.tokens, answerTokens)
    if (this.#local.arm === null) return
    const answer = style.final(this.#content.split(tags.close).at(-1)!)
    report(finishedOutcome(this.#local, this.#request, { tokens: this.#tokens, answerTokens, answer, isStopped, checks: this.#checks }))
  }

  readonly #field = (): StopgateField => {
    const isStopped = this.#threshold !== null
    return {
      generation_id: this.#local.id,
      arm: this.#local.arm,
      stopped: isStopped,
      tokens: this.#tokens,
      threshold: this.#threshold,
      probe_tokens: this.#checks.probeTokens,
      tokens_saved: isStopped ? this.#dependencies.lengths.saved(this.#local.context, this.#tokens) : this.#local.arm === 'treated' ? 0 : null,
    }
  }
}
