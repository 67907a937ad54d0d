import { randomUUID } from 'node:crypto'
import type { ProbeForm, ProbeFormFinding } from '../../core/decide/index.js'
import { agreementWith, type ReportedOutcome } from '../../core/outcome/index.js'
import { nextCheckTokens } from '../../core/policy/index.js'
import type { Dialect, ReasoningTags } from '../../proxy/dialects/dialect.js'
import { probeStyle } from '../../proxy/dialects/forced-answer.js'
import type { ClientReply } from '../../proxy/generation/client-reply.js'
import { type GenerationDependencies, ProxiedGeneration } from '../../proxy/generation/generation.js'
import { chooseForm } from '../../proxy/probe-form/choose-form.js'
import type { EndTrial } from '../../proxy/probe-form/end-trial.js'
import { TRIED_GENERATIONS } from '../../proxy/probe-form/probe-forms.js'
import type { LocalGeneration } from '../../proxy/service-link/local-decider.js'
import { CommandError } from '../command-line/command-error.js'
import type { Prompt } from './read-prompts.js'
import type { SelfAgreement } from './self-agreement.js'

/**
 * Asks a model server the reader's own prompts by the code of the proxy, with decisions that are always to go on: full runs, probed beside
 * the stream.
 */

/** A probe may take longer than the proxy would wait: its answer counts, however slow the machine is. ms. */
const PROBE_TIMEOUT_MS = 60_000

/** At least as dense as the cadence of the service, which the estimate takes its checks from. */
const CADENCE = { checkEveryTokens: 16, checkGrowth: 1 / 8, minTokens: 0 }

interface AskOptions {
  readonly dialect: Dialect
  readonly prompts: readonly Prompt[]
  /** `null`: it is found. */
  readonly stated: ProbeForm | null
  readonly tags: ReasoningTags
  readonly maxProbeTokens: number
  /** Headers of all requests, names and values by turns. */
  readonly headers: readonly string[]
  readonly concurrency: number
  /** When no further prompt is asked, ms since the process started. */
  readonly deadline: number
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number, phase: 'form' | 'probes') => void
}

export interface Asked {
  /** Outcomes as the proxy would report them; empty without a form. */
  readonly outcomes: readonly object[]
  /** `null`: the form was stated. */
  readonly finding: ProbeFormFinding | null
  /** Whether the prompts that were asked twice, in full, got the same answer; `null`: none was. */
  readonly selfAgreement: SelfAgreement | null
  readonly counts: Counts
}

/** How the generations ended. */
interface Counts {
  generations: number
  /** Without reasoning, or before its end. */
  withoutEnd: number
  /** At the largest number of tokens. */
  cutOff: number
}

/** Finds the probe form by the first prompts, unless it is stated; then asks all with probes. @throws CommandError */
export async function askPrompts (options: AskOptions): Promise<Asked> {
  const { prompts, stated, maxProbeTokens } = options
  const counts: Counts = { generations: 0, withoutEnd: 0, cutOff: 0 }
  const trials: EndTrial[] = []
  const outcomes: object[] = []
  const contents = new Map<Prompt, string>() // of the runs without probes
  const pairs: Array<readonly [content: string, answer: string]> = []
  if (stated === null) await askAll(prompts.slice(0, TRIED_GENERATIONS), null, 'form')
  const finding = stated !== null || trials.length === 0 ? null : chooseForm(trials, maxProbeTokens)
  const form = stated ?? finding?.form ?? null
  if (form !== null) await askAll(prompts, form, 'probes')
  return { outcomes, finding, selfAgreement: form === null ? null : agreementOfPairs(form), counts }

  function agreementOfPairs ({ name }: ProbeForm): SelfAgreement | null {
    const equal = pairs.filter(([content, answer]) => agreementWith(answer)(probeStyle(name).final(content)) === 1).length
    return pairs.length === 0 ? null : { share: equal / pairs.length, pairs: pairs.length, by: 'answer' }
  }

  async function askAll (prompts: readonly Prompt[], form: ProbeForm | null, phase: 'form' | 'probes'): Promise<void> {
    const { concurrency, deadline, signal, onProgress } = options
    const queue = prompts.values()
    let done = 0
    let failure: Error | null = null
    const work = async () => {
      for (const prompt of queue) {
        signal.throwIfAborted()
        if (failure !== null || performance.now() > deadline) return
        await ask(prompt, form)
        onProgress(++done, prompts.length, phase)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, () => work().catch((error: Error) => { failure ??= error })))
    if (failure !== null) throw failure
  }

  async function ask (asked: Prompt, form: ProbeForm | null): Promise<void> {
    const { place, request } = asked
    const { dialect, headers, tags } = options
    const signal = AbortSignal.any([options.signal]) // its own, since many listeners of one signal look like a leak
    const { prompt, context } = request
    const local: LocalGeneration = { id: `estimate-${randomUUID()}`, group: null, prompt, context, arm: form === null ? null : 'control' }
    const firstCheck = form === null ? Infinity : nextCheckTokens(CADENCE, 0)
    const run = await dialect.start(request, headers, signal, firstCheck).catch((error: Error) => {
      throw signal.aborted ? error : new CommandError(`${place}: the model server failed: ${messageOf(error)}`)
    })
    if (run.reply.status !== 200) {
      throw new CommandError(`${place}: the model server answered ${run.reply.status}: ${(await run.reply.body.text()).slice(0, 200)}`)
    }
    const seen = { problem: null as string | null, finish: null as string | null, content: '', answerTokens: 0 }
    const reply: ClientReply = {
      pass ({ finish, content }) {
        seen.finish = finish ?? seen.finish
        seen.content += content
      },
      cut () {},
      write () {},
      end () {},
      fail (error) { seen.problem = error === null ? 'it broke off its stream' : JSON.stringify(error) },
      sendTogether: (send) => { send() },
      drained: () => null,
    }
    const dependencies: GenerationDependencies = {
      decider: {
        nextCheck: (_local, tokens) => nextCheckTokens(CADENCE, tokens), draw () {}, isLeftAlone: () => false, decide: () => null,
      },
      metrics: {
        ended (_arm, end) { if (end === 'no_reasoning') counts.withoutEnd++ },
        aborted () {},
        stopFailed () {},
        generated ({ answer }) { seen.answerTokens = answer },
        probed () {},
        startHandling: () => null,
        handled () {},
      },
      report (outcome) {
        outcomes.push({ ...outcome, answer_tokens: seen.answerTokens })
        const before = contents.get(asked)
        if (before !== undefined) pairs.push([before, (outcome as Pick<ReportedOutcome, 'answer'>).answer ?? ''])
      },
      forms: {
        formFor: () => form,
        claims: () => true,
        tried (_context, trial) {
          trials.push(trial)
          return null
        },
        failed () {},
        asksAtEnd: () => false,
      },
      onFound () {},
      tags,
      mayProbe: () => true,
      onProbing () {},
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      sendsPrompts: false,
      maxProbeTokens: options.maxProbeTokens,
    }
    await new ProxiedGeneration({ request, run, local, form, reply, dependencies, clientGone: signal }).serve()
    signal.throwIfAborted()
    if (seen.problem !== null) throw new CommandError(`${place}: the model server failed: ${seen.problem}`)
    counts.generations++
    if (seen.finish === 'length') counts.cutOff++
    else if (form === null) contents.set(asked, seen.content.split(tags.close).at(-1)!)
  }
}

/** The message of an error; undici leaves it empty where all addresses refuse. */
export function messageOf (error: Error): string {
  return error.message.trim() || (error as NodeJS.ErrnoException).code || error.name
}
