import type { ProbeForm, ProbeFormFinding } from '../../core/decide/index.js'
import type { EngineRun } from '../dialects/dialect.js'
import type { ForcedAnswer } from '../dialects/forced-answer.js'
import { type EndOfReasoning, probeAtEnd, tryForms } from '../probe-form/end-trial.js'
import type { ProbeForms } from '../probe-form/probe-forms.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { LocalGeneration } from '../service-link/local-decider.js'
import type { ProbeEnd } from './checks.js'

/** An answer that was forced at the natural end of the reasoning. */
export interface EndProbe { readonly forced: ForcedAnswer, readonly answer: string }

interface AskAtEnd {
  readonly end: EndOfReasoning
  /** `null`: none is known yet. */
  readonly form: ProbeForm | null
  readonly request: StoppableRequest
  readonly run: EngineRun
  readonly local: LocalGeneration
  readonly dependencies: {
    readonly forms: Pick<ProbeForms, 'claims' | 'tried' | 'failed' | 'asksAtEnd'>
    readonly onFound: (finding: ProbeFormFinding) => void
    readonly metrics: { readonly probed: (run: Pick<EngineRun, 'hasIds'>, end: ProbeEnd, tokens: number, forced: ForcedAnswer | null) => void }
    readonly mayProbe: () => boolean
    readonly onProbing: (change: 1 | -1) => void
    readonly probeTimeoutMs: number
    readonly maxProbeTokens: number
  }
}

/** Time for all forms, as a multiple of the time for one probe. */
const TRIAL_TIMES = 10

/**
 * Forces answers where a generation has ended its reasoning by itself: in each form where none is known yet, and in the form in force where
 * its validity is to be checked. Never throws.
 * @returns the answer that was forced to check the form; `null`: it is not checked
 */
export async function askAtEnd ({ end, form, request, run, local, dependencies }: AskAtEnd): Promise<EndProbe | null> {
  const { forms, onFound, metrics, mayProbe, onProbing, probeTimeoutMs, maxProbeTokens: maxTokens } = dependencies
  const { context } = local
  const isSearch = form === null
  if (isSearch ? !forms.claims(context) : local.arm !== 'control' || !forms.asksAtEnd(context)) return null
  if (!mayProbe()) {
    if (isSearch) forms.failed(context)
    return null
  }
  onProbing(1)
  try {
    if (!isSearch) {
      const asked = await probeAtEnd(run, end, form, AbortSignal.timeout(probeTimeoutMs))
      metrics.probed(run, 'ok', asked.forced.tokens, asked.forced)
      return asked
    }
    const onProbe = (forced: ForcedAnswer) => { metrics.probed(run, 'ok', forced.tokens, forced) }
    const isSampled = request.body.temperature !== 0
    const signal = AbortSignal.timeout(TRIAL_TIMES * probeTimeoutMs)
    const finding = forms.tried(context, await tryForms({ run, end, isSampled, maxTokens, signal, onProbe }))
    if (finding !== null) onFound(finding)
  } catch {
    metrics.probed(run, 'failed', 0, null)
    if (isSearch) forms.failed(context)
  } finally {
    onProbing(-1)
  }
  return null
}
