import type { ContextState } from '../learn/context-state.js'
import type { ProbeFormName } from '../decide/probe-form.js'
import { areToolCalls } from '../outcome/tool-calls.js'

/** Graders of `stopgate grade`, the most specific first. */
const ADVISED_GRADERS = ['tool', 'json', 'number', 'math', 'exact', 'judge'] as const

type AdvisedGrader = typeof ADVISED_GRADERS[number]

/** The texts of a generation whose label is wanted, as far as they are kept. */
interface TextsToGrade {
  readonly answer?: string
  readonly early: ReadonlyArray<{ readonly answer: string }>
  readonly prompt?: string
}

type Learned = Pick<ContextState, 'epoch' | 'reports' | 'probes'>

/**
 * How a context without labels can get some.
 * @param key of the context
 * @param texts of some generations whose label is wanted
 */
export function adviseOnLabels (key: string, state: Learned, texts: readonly TextsToGrade[]) {
  const grader = graderFor(texts, state)
  return {
    command: `stopgate grade --context '${key.replaceAll("'", "'\\''")}' --grader ${grader}${OPTIONS[grader] ?? ''}`,
    judge_tokens_per_day: judgeTokensPerDay(state, texts),
  }
}

/** Equal texts are already known to be equal: `exact` needs right answers to say more. */
const OPTIONS: Partial<Readonly<Record<AdvisedGrader, string>>> = {
  exact: ' --texts FILE', judge: ' --judge-url URL --judge-model MODEL',
}

const JSON_TEXT = /^(```\w*\s*)?(\{.*\}|\[.*\])(\s*```)?$/s
const NUMBER = /^[^\p{L}\d]{0,3}\d[\d,.]*([eE][-+]?\d+)?[^\p{L}\d]{0,3}$/u
const TWO_WORDS = /\p{L}{3} \p{L}{3}/u
const SHORT = /^.{1,40}$/

/** Whether an answer looks like those of a grader. */
const LOOKS: Readonly<Record<AdvisedGrader, (answer: string) => boolean>> = {
  tool: areToolCalls,
  json: (answer) => JSON_TEXT.test(answer),
  number: (answer) => NUMBER.test(answer),
  math: (answer) => answer.length <= 200 && /[\d\\=^]/.test(answer) && !TWO_WORDS.test(answer),
  exact: (answer) => SHORT.test(answer),
  judge: () => true,
}

/** Share of the answers that have to look like those of a grader. */
const MOST = 0.9

/** Graders by the form of forced answers, where no text is kept. */
const BY_FORM: Partial<Readonly<Record<ProbeFormName, AdvisedGrader>>> = { boxed: 'math', choice: 'exact', json: 'json' }

function graderFor (texts: readonly TextsToGrade[], { probes: { form: found } }: Learned): AdvisedGrader {
  const answers = texts.flatMap(({ answer = '' }) => answer.trim() === '' ? [] : [answer.trim()])
  if (answers.length === 0) return BY_FORM[found?.form?.name ?? 'direct'] ?? 'judge'
  return ADVISED_GRADERS.find((grader) => answers.filter(LOOKS[grader]).length >= MOST * answers.length)!
}

const DAY_MS = 86_400_000
const CHARACTERS_A_TOKEN = 4
/** Of the instructions to a judge and its reply, which is one word. */
const JUDGING_TOKENS = 120
/** A judge is asked about each pair in both orders. */
const ORDERS = 2

/**
 * Tokens that a judge would read a day at the epoch's mean traffic: the labels wanted a day times the mean tokens of a label.
 * @returns `null`: no text is kept, or no time has passed
 */
function judgeTokensPerDay (
  { reports: { follow_up: { labels_wanted: wanted }, updated_at: until }, epoch: { started_at: since } }: Learned,
  texts: readonly TextsToGrade[]
): number | null {
  const costs = texts.filter(({ early }) => early.length > 0).map(({ answer = '', early, prompt = '' }) => {
    const pairs = early.map((one) => JUDGING_TOKENS + (prompt.length + answer.length + one.answer.length) / CHARACTERS_A_TOKEN)
    return ORDERS * pairs.reduce((sum, tokens) => sum + tokens, 0)
  })
  if (costs.length === 0 || until <= since) return null
  return Math.round(wanted * DAY_MS / (until - since) * costs.reduce((sum, cost) => sum + cost, 0) / costs.length)
}
