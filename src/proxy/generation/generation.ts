import { areSameForms, type ProbeForm, type ProbeFormFinding } from '../../core/decide/index.js'
import { closeTextOf, type EngineRun, type ReasoningTags } from '../dialects/dialect.js'
import { type ForcedAnswer, probeStyle } from '../dialects/forced-answer.js'
import type { ProbeForms } from '../probe-form/probe-forms.js'
import { actionOf, ToolCallParts, toolCallsOf } from '../protocol/action.js'
import { StreamError, usageOf, type Piece, type PieceReader, type Usage } from '../protocol/openai-chunks.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { LocalDecider, LocalGeneration } from '../service-link/local-decider.js'
import { askAtEnd, type EndProbe } from './ask-at-end.js'
import { Checks, type ProbeEnd, type StopDecision } from './checks.js'
import type { ClientReply, StopgateField } from './client-reply.js'
import { cancelledOutcome, finishedOutcome } from './generation-report.js'
import { KeptReply } from './kept-reply.js'
import { ReasoningEnd } from './reasoning-end.js'
import { ReasoningTracker } from './reasoning-tracker.js'

export type GenerationEnd = 'finished' | 'stopped' | 'no_reasoning' | 'cancelled' | 'broken'

/** Tokens generated, by part. */
export interface GeneratedTokens {
  readonly reasoning: number
  /** Of the reasoning, behind the prefix that the answer was written from. */
  readonly discarded: number
  readonly answer: number
}

/** The events that a generation counts. */
export interface GenerationMetrics {
  readonly ended: (arm: string | null, end: GenerationEnd) => void
  /** A stream of the model server was ended early. */
  readonly aborted: (cause: 'stop') => void
  readonly stopFailed: (error: Error) => void
  readonly generated: (tokens: GeneratedTokens) => void
  readonly probed: (run: Pick<EngineRun, 'hasIds'>, end: ProbeEnd, tokens: number, forced: ForcedAnswer | null) => void
  /** @returns the start time of a read that is timed, otherwise `null` */
  readonly startHandling: () => number | null
  readonly handled: (since: number) => void
}

/** The services that all generations share. */
export interface GenerationDependencies {
  readonly decider: Pick<LocalDecider, 'nextCheck' | 'draw' | 'isLeftAlone' | 'decide'>
  readonly metrics: GenerationMetrics
  readonly report: (outcome: object) => void
  readonly forms: Pick<ProbeForms, 'formFor' | 'claims' | 'tried' | 'failed' | 'asksAtEnd'>
  /** A search for a form has ended. */
  readonly onFound: (finding: ProbeFormFinding) => void
  readonly tags: ReasoningTags
  readonly mayProbe: () => boolean
  /** A probe was sent (1), or has ended (-1). */
  readonly onProbing: (change: 1 | -1) => void
  readonly probeTimeoutMs: number
  /** Whether outcomes have the text of their prompt. */
  readonly sendsPrompts: boolean
  /** Largest number of tokens of a forced answer while a form is searched for. */
  readonly maxProbeTokens: number
}

interface GenerationOptions {
  readonly request: StoppableRequest
  readonly run: EngineRun
  readonly local: LocalGeneration
  /** How its answers are forced; `null`: no form is known yet, so it runs in full without checks. */
  readonly form: ProbeForm | null
  readonly reply: ClientReply
  readonly dependencies: GenerationDependencies
  /** Aborts when the client has gone; with a SampleFailedError, when another sample of the request has failed. */
  readonly clientGone: AbortSignal
}

/** No piece has come yet: the first one shows whether the prompt has opened the reasoning. */
interface Waiting { readonly name: 'waiting' }

/** The engine's own stream goes on to the client, with checks beside it while the model reasons. */
interface Streaming { readonly name: 'streaming' }

/** A check has stopped the reasoning, and the engine is asked for the answer, which it may refuse. */
interface Stopping {
  readonly name: 'stopping'
  /** The pieces of the engine's own stream since the check: dropped if the engine accepts, and passed on to the client if it refuses. */
  readonly held: Piece[]
  /** Resolves when the engine has accepted or refused, and the state is `answering` or `streaming`. */
  readonly settled: Promise<void>
}

/** The engine has accepted: its own stream is aborted, and the answer takes its place. */
interface Answering {
  readonly name: 'answering'
  readonly stop: StopDecision
  readonly answer: PieceReader
}

/**
 * The state of a generation until `serve` returns:
 *
 *     waiting -> streaming -> stopping -> answering
 *                    ^            |
 *                    +--refused---+
 *
 * A generation is stopped at most once. If its stop is refused, it runs to its natural end in `streaming`.
 */
type State = Waiting | Streaming | Stopping | Answering

/** The answer of a generation, as it is reported. */
interface ReportedAnswer { readonly answerTokens: number, readonly answer: string, readonly endProbe?: EndProbe | null }

/** Another sample of the same request has failed, which ends this one as well. */
export class SampleFailedError extends Error {
  override name = 'SampleFailedError'
  constructor () { super('another sample of the request has failed') }
}

/** Finish reasons of a generation that the model itself has ended. */
const NATURAL_FINISHES: ReadonlySet<string | null> = new Set(['stop', 'tool_calls'])

/** Decides of a generation that is not probed: it is not even drawn. */
const NO_CHECKS: GenerationDependencies['decider'] = {
  nextCheck: () => Infinity, draw: () => {}, isLeftAlone: () => true, decide: () => null,
}

/** One generation: its stream to the client, the checks beside it, and the answer after a stop. */
export class ProxiedGeneration {
  readonly #options: GenerationOptions
  readonly #tracker: ReasoningTracker
  readonly #end: ReasoningEnd
  readonly #checks: Checks
  /** It grows in place. */
  readonly #reasoning: { tokens: number, ids: number[] | null, text: string }
  /** Tokens of the engine's own stream. */
  #received = 0
  /** Of the engine's stream and answer. */
  readonly #kept = new KeptReply()
  /** The part of the engine's own stream that has gone on to the client. */
  readonly #relayed = { content: '', calls: new ToolCallParts(), finish: null as string | null, usage: null as Usage | null }
  #state: State = { name: 'waiting' }

  constructor (options: GenerationOptions) {
    const { run, local, form, dependencies, clientGone } = options
    this.#options = options
    this.#reasoning = { tokens: 0, ids: run.hasIds ? [] : null, text: '' }
    this.#tracker = new ReasoningTracker(dependencies.tags)
    this.#end = new ReasoningEnd(dependencies.tags, run.hasIds)
    this.#checks = new Checks({
      decider: form === null ? NO_CHECKS : this.#decider(form),
      local,
      style: probeStyle(form?.name ?? 'direct'),
      mayProbe: dependencies.mayProbe,
      maxProbeTokens: form?.tokens ?? 0,
      isInStep: run.isInStep ?? false,
      probeTimeoutMs: dependencies.probeTimeoutMs,
      clientGone,
      probe: async (prefix, signal) => {
        dependencies.onProbing(1)
        try {
          return await run.probe(prefix, form!, signal) // without a form there is no check
        } finally {
          dependencies.onProbing(-1)
        }
      },
      onProbe: (end, tokens, forced) => { dependencies.metrics.probed(run, end, tokens, forced) },
      onStop: (stop) => { this.#stop(stop) },
    })
  }

  /** A generation whose form was replaced before its first check is no evidence of either: it is not even drawn. */
  #decider (form: ProbeForm): GenerationDependencies['decider'] {
    const { request, local, dependencies: { decider, forms } } = this.#options
    const isReplaced = () => !request.isAction && local.arm === null && !areSameForms(forms.formFor(local.context), form)
    return {
      nextCheck: (local, tokens) => decider.nextCheck(local, tokens),
      draw: (local, tokens) => { if (!isReplaced()) decider.draw(local, tokens) },
      isLeftAlone: (local) => decider.isLeftAlone(local),
      decide: (local, step) => decider.decide(local, step),
    }
  }

  /** Serves it to the end. Never throws. */
  async serve (): Promise<void> {
    try {
      const stopped = await this.#readStream()
      if (stopped === null) await this.#finish()
      else await this.#relayAnswer(stopped)
    } catch (error) {
      this.#breakOff(error)
    }
  }

  /** Reads the engine's own stream to its end, or to a stop. @returns the state after a stop, `null` without one */
  async #readStream (): Promise<Answering | null> {
    const { run, clientGone } = this.#options
    try {
      await run.pieces(() => this.#checks.next)((pieces) => this.#receive(pieces))
    } catch (error) {
      const stopped = await this.#settledStop()
      if (stopped === null || clientGone.aborted) throw error // otherwise the stream was aborted for the sake of the answer
      return stopped
    }
    return await this.#settledStop()
  }

  /** Waits until the engine has accepted or refused a stop. */
  async #settledStop (): Promise<Answering | null> {
    if (this.#state.name === 'stopping') await this.#state.settled
    return this.#state.name === 'answering' ? this.#state : null
  }

  /** @returns a promise if the engine has to wait, for the client or, in a pause, for a decision */
  #receive (pieces: readonly Piece[]): Promise<unknown> | null {
    const { run, reply, dependencies: { metrics } } = this.#options
    const since = metrics.startHandling()
    reply.sendTogether(() => {
      for (const piece of pieces) this.#take(piece)
    })
    if (since !== null) metrics.handled(since)
    return run.hasPauses ? this.#settledPause() : reply.drained()
  }

  async #settledPause (): Promise<void> {
    await this.#checks.settled()
    await this.#settledStop()
    await this.#options.reply.drained()
  }

  #take (piece: Piece): void {
    this.#kept.add(piece)
    this.#received += piece.tokens
    switch (this.#state.name) {
      case 'waiting':
        if (this.#options.run.isOpened()) this.#tracker.open()
        this.#state = { name: 'streaming' }
        this.#relay(piece)
        break
      case 'streaming': this.#relay(piece); break
      case 'stopping': this.#state.held.push(piece); break
      case 'answering': break // it came after the stop
    }
  }

  #relay (piece: Piece): void {
    const tracker = this.#tracker
    const relayed = this.#relayed
    const wasReasoning = tracker.state === 'reasoning'
    if (piece.usage !== null) relayed.usage = piece.usage
    relayed.finish = piece.finish ?? relayed.finish
    tracker.add(piece.reasoning, piece.content)
    if (piece.isClosing) tracker.close()
    if (tracker.state === 'ended' || tracker.state === 'absent') {
      this.#checks.end()
      relayed.content += piece.content
      relayed.calls.add(piece.toolCalls ?? [])
      if (wasReasoning) this.#end.close(piece, tracker.isInText)
      else this.#end.follow(piece)
    } else this.#growReasoning(piece)
    this.#options.reply.pass(piece, this.#fieldSoFar)
    // Without a field for the reasoning an action may have begun: its grammar then holds from the first token on.
    const mayCheck = !this.#options.request.isAction || !tracker.isInText
    if (tracker.state === 'reasoning' && mayCheck) this.#checks.advance(this.#reasoning)
  }

  #growReasoning (piece: Piece): void {
    const { tokens, ids, reasoning, content } = piece
    const prefix = this.#reasoning
    this.#end.grow(piece)
    prefix.tokens += tokens
    if (!this.#options.run.hasIds) prefix.text += reasoning + content
    else if (ids !== null) for (const id of ids) prefix.ids?.push(id)
    else if (tokens > 0) prefix.ids = null // with a gap there is no prefix to send
  }

  /**
   * Requests the answer behind the probed prefix. The engine's own stream is aborted only after the engine has accepted; otherwise the
   * reasoning goes on.
   */
  #stop (stop: StopDecision): void {
    const { request, run, form, clientGone, dependencies: { metrics } } = this.#options
    const room = (request.maxTokens ?? Infinity) - stop.prefix.tokens
    if (this.#tracker.state !== 'reasoning' || room < 1) return
    const held: Piece[] = []
    const settled = run.answer(stop.prefix, form!, clientGone).then((answer) => {
      this.#state = { name: 'answering', stop, answer }
      metrics.aborted('stop')
      run.abort()
    }, (error: Error) => {
      metrics.stopFailed(error)
      for (const piece of held) this.#relay(piece)
      this.#state = { name: 'streaming' }
    })
    this.#state = { name: 'stopping', held, settled }
  }

  async #relayAnswer ({ stop, answer }: Answering): Promise<void> {
    const { run, reply, form, dependencies: { tags } } = this.#options
    let text = ''
    const calls = new ToolCallParts()
    let finish = 'stop'
    let counted = 0
    let usage = null as Usage | null
    reply.cut(stop.prefix.tokens)
    if (this.#tracker.isInText) reply.write(closeTextOf(form!, tags))
    await answer((pieces) => {
      reply.sendTogether(() => {
        for (const piece of pieces) {
          this.#kept.add(piece)
          counted += piece.tokens
          text += piece.content
          finish = piece.finish ?? finish
          usage = piece.usage ?? usage
          calls.add(piece.toolCalls ?? [])
          if (piece.content !== '' || piece.toolCalls !== undefined) reply.write(piece.content, piece.toolCalls)
        }
      })
      return reply.drained()
    })
    const answerTokens = usage?.completionTokens ?? counted
    const tokens = this.#received + answerTokens
    const promptTokens = run.promptTokens() ?? usage?.promptTokens ?? 0
    const details = { ...run.promptDetails?.(), completion_tokens_details: { reasoning_tokens: this.#received } }
    reply.end(finish, usageOf(promptTokens, tokens, details), this.#field(tokens, stop))
    this.#report('stopped', tokens, { answerTokens, answer: this.#answerIn(tags.close + text, calls) }, stop)
  }

  /** The engine's own stream has come to its natural end. */
  async #finish (): Promise<void> {
    const { reply } = this.#options
    const { usage, content, calls } = this.#relayed
    const answer = this.#answerIn(content, calls)
    this.#checks.end()
    const tokens = usage?.completionTokens ?? this.#received
    reply.end(null, usage, this.#field(tokens, null))
    const isEnded = this.#tracker.state === 'ended'
    const endProbe = isEnded && NATURAL_FINISHES.has(this.#relayed.finish) ? await this.#askAtEnd(answer) : null
    if (endProbe !== null) this.#checks.addEndProbe(endProbe.forced)
    this.#report(isEnded ? 'finished' : 'no_reasoning', tokens, { answerTokens: tokens - this.#reasoning.tokens, answer, endProbe }, null)
  }

  /** The answer in the text behind the reasoning. */
  #answerIn (content: string, calls: ToolCallParts): string {
    const { request, form, dependencies: { tags } } = this.#options
    const text = content.slice(textEndOf(content, tags.close))
    return request.isAction ? actionOf(text, toolCallsOf(calls.whole())) : probeStyle(form?.name ?? 'direct').final(text)
  }

  async #askAtEnd (answer: string): Promise<EndProbe | null> {
    const end = this.#end.read(this.#reasoning)
    if (end === null) return null
    const isAnswered = (this.#options.request.isAction ? answer : end.answer).trim() !== ''
    return isAnswered ? await askAtEnd({ ...this.#options, end }) : null
  }

  /** The client has gone, or the model server has failed for this sample or another one of the request. */
  #breakOff (error: unknown): void {
    const { request, run, local, reply, clientGone, dependencies: { metrics, report } } = this.#options
    this.#checks.end()
    run.abort()
    const isCancelled = clientGone.aborted && !(clientGone.reason instanceof SampleFailedError)
    metrics.ended(local.arm, isCancelled ? 'cancelled' : 'broken')
    if (isCancelled && local.arm !== null) report(cancelledOutcome(local, request, this.#received, this.#checks))
    reply.fail(error instanceof StreamError ? error.chunk : null)
  }

  #report (
    end: GenerationEnd, tokens: number, { answerTokens, answer, endProbe = null }: ReportedAnswer, stop: StopDecision | null): void {
    const { request, local, form, dependencies: { metrics, report, sendsPrompts } } = this.#options
    metrics.ended(local.arm, end)
    metrics.generated({ reasoning: stop?.prefix.tokens ?? this.#reasoning.tokens, discarded: this.#discarded(stop), answer: answerTokens })
    if (local.arm === null || form === null) return
    const endAnswer = endProbe?.answer ?? null
    report(finishedOutcome(local, request, { tokens, answerTokens, answer, stop, endAnswer, checks: this.#checks, sendsPrompts }))
  }

  /** The field in the engine's own last chunk. */
  readonly #fieldSoFar = (): StopgateField => this.#field(this.#relayed.usage?.completionTokens ?? this.#received, null)

  #field (tokens: number, stop: StopDecision | null): StopgateField {
    const { local: { id, arm } } = this.#options
    return {
      generation_id: id,
      arm,
      stopped: stop !== null,
      tokens,
      threshold: stop?.by.threshold ?? null,
      probe_tokens: this.#checks.probeTokens,
      discarded_tokens: this.#discarded(stop),
    }
  }

  /** Tokens that came behind the probed prefix, whether the client has seen them or not. */
  #discarded (stop: StopDecision | null): number {
    return stop === null ? 0 : this.#received - stop.prefix.tokens
  }
}

/** The index behind the last occurrence of `part`; 0 if there is none. */
function textEndOf (text: string, part: string): number {
  const index = text.lastIndexOf(part)
  return index === -1 ? 0 : index + part.length
}
