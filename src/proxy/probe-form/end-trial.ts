import { PROBE_FORM_NAMES, type ProbeForm, type ProbeFormName } from '../../core/decide/index.js'
import type { EngineRun, ReasoningPrefix } from '../dialects/dialect.js'
import { probeStyle, type ForcedAnswer, type ProbeStyle } from '../dialects/forced-answer.js'

/** Where a model has closed its reasoning by itself. */
export interface EndOfReasoning {
  /** The reasoning, up to the closing tag. */
  readonly prefix: ReasoningPrefix
  /** White space that the model wrote before the tag, which is in the prefix, and after it. */
  readonly before: string
  readonly after: string
  /** All that it wrote behind the tag. */
  readonly answer: string
}

/** How a form did at the end of the reasoning of one generation. */
export interface FormTrial {
  readonly name: ProbeFormName
  /** Whether the forced answer is the one that the model then gave. */
  readonly isEqual: boolean
  /** Whether the model gave that answer again when asked for it; greedy generations do. */
  readonly isRepeated: boolean
  /** Tokens decoded for it. */
  readonly tokens: number
  /** The part of these up to the end of the answer, and with the text that shows its end. */
  readonly answerTokens: number
  readonly wholeTokens: number
}

export interface EndTrial extends Pick<EndOfReasoning, 'before' | 'after'> { readonly forms: readonly FormTrial[] }

interface TrialOptions {
  readonly run: Pick<EngineRun, 'probe' | 'answer'>
  readonly end: EndOfReasoning
  /** Whether the client samples, so that the model may answer otherwise when asked again. */
  readonly isSampled: boolean
  /** Largest number of tokens of a forced answer. */
  readonly maxTokens: number
  readonly signal: AbortSignal
  readonly onProbe: (forced: ForcedAnswer) => void
}

/** Forces an answer in each form where the model has closed its reasoning, one after the other. @throws Error of the engine */
export async function tryForms ({ run, end, isSampled, maxTokens, signal, onProbe }: TrialOptions): Promise<EndTrial> {
  const { before, after, answer, prefix } = end
  const again = isSampled ? await answerAgain(run, end, signal) : answer
  const forms: FormTrial[] = []
  for (const name of PROBE_FORM_NAMES) {
    const style = probeStyle(name)
    const forced = await run.probe(prefix, { name, suffix: style.suffix, before: '', after, tokens: maxTokens }, signal, 'greedily')
    onProbe(forced)
    const given = style.final(answer)
    const isEqual = given !== '' && style.forced(forced.text) === given
    forms.push({ name, isEqual, isRepeated: given !== '' && style.final(again) === given, ...lengthsOf(style, forced) })
  }
  return { before, after, forms }
}

async function answerAgain (run: TrialOptions['run'], { prefix, after }: EndOfReasoning, signal: AbortSignal): Promise<string> {
  let text = ''
  const read = await run.answer(prefix, { before: '', after }, signal)
  await read((pieces) => {
    for (const { content } of pieces) text += content
    return null
  })
  return text
}

/** The lengths of a forced answer, as far as the engine states the text of each token. */
function lengthsOf (style: ProbeStyle, { text, tokens, pieces = [] }: ForcedAnswer): Pick<FormTrial, 'tokens' | 'answerTokens' | 'wholeTokens'> {
  const answer = style.forced(text)
  let [soFar, answerTokens, wholeTokens] = ['', 0, 0]
  for (const [i, piece] of pieces.entries()) {
    soFar += piece
    if (answerTokens === 0 && style.forced(soFar) === answer) answerTokens = i + 1
    if (wholeTokens === 0 && style.isWhole(soFar)) wholeTokens = i + 1
  }
  return { tokens, answerTokens: answerTokens || tokens, wholeTokens: Math.min(tokens, wholeTokens || tokens) }
}

/** Forces an answer in the form in force where the model has closed its reasoning. @returns the forced text, and the answer in it */
export async function probeAtEnd (
  run: Pick<EngineRun, 'probe'>, { prefix, before }: EndOfReasoning, form: ProbeForm, signal: AbortSignal
): Promise<{ readonly forced: ForcedAnswer, readonly answer: string }> {
  const isWritten = before.endsWith(form.before)
  const forced = await run.probe(prefix, isWritten ? { ...form, before: '' } : form, signal)
  return { forced, answer: probeStyle(form.name).forced(forced.text) }
}
