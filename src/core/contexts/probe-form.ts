/** The ways to force an answer behind closed reasoning. `plain` writes "Final answer:" behind it, `direct` nothing. */
export const PROBE_FORM_NAMES = ['plain', 'boxed', 'choice', 'json', 'direct'] as const
export type ProbeFormName = typeof PROBE_FORM_NAMES[number]

/** How workers force an answer. It is part of the meaning of evidence: another form gives other answers. */
export interface ProbeForm {
  readonly name: ProbeFormName
  /** The text that asks for the answer, behind the closed reasoning. */
  readonly suffix: string
  /** The texts before and after the tag that closes the reasoning. */
  readonly before: string
  readonly after: string
  /** Largest number of tokens of a forced answer. */
  readonly tokens: number
}

/** How a form did at the natural end of the reasoning of some generations. */
interface TriedForm {
  readonly name: ProbeFormName
  /** Share of the generations whose forced answer equals the answer that followed. */
  readonly agreement: number
  /** Share of the generations that gave the same answer when they were asked for it again. */
  readonly self_agreement: number
  /** Mean tokens of a forced answer. */
  readonly tokens: number
}

/** Generations after which forms are tried again where none fits. */
export const RETRIED_AFTER = 500

/** The result of a search for the form that a model wants, or a form that an operator states. */
export interface ProbeFormFinding {
  /** `null`: none agrees, so that nothing is probed. */
  readonly form: ProbeForm | null
  /** Whether an operator states it. */
  readonly is_stated: boolean
  /** Generations that were tried. */
  readonly generations: number
  readonly tried: readonly TriedForm[]
}

/** The form in force in a context, or the search that found none, and the checks of it since. */
export interface ProbeFormState extends ProbeFormFinding {
  readonly at: number
  /** Control generations that were asked at the end of their reasoning, too, and those that then gave the same answer. */
  readonly asked: number
  readonly equal: number
}

export function areSameForms (a: ProbeForm | null, b: ProbeForm | null): boolean {
  if (a === null || b === null) return a === b
  return a.name === b.name && a.suffix === b.suffix && a.before === b.before && a.after === b.after && a.tokens === b.tokens
}

/** Whether a finding takes the place of the state. The first form that is found stays; one that an operator states replaces it. */
export function replacesForm (state: ProbeFormState | null, { form, is_stated: isStated }: ProbeFormFinding): boolean {
  if (state === null || state.form === null) return true
  return isStated && form !== null && !areSameForms(form, state.form)
}

/** Checks from which the counts are halved, so that they follow a changed model. */
const MOST = 128

/** Counts a control generation that was asked at the end of its reasoning. */
export function addEndProbe (state: ProbeFormState, isEqual: boolean): ProbeFormState {
  const scale = state.asked + 1 === MOST ? 0.5 : 1
  return { ...state, asked: scale * (state.asked + 1), equal: scale * (state.equal + Number(isEqual)) }
}

/** Share of the forced answers at the end of the reasoning that equal the real one; `null`: none was asked. */
export function probeValidity ({ asked, equal }: Pick<ProbeFormState, 'asked' | 'equal'>): number | null {
  return asked === 0 ? null : equal / asked
}

/** How often the model gives the same answer twice, as far as it was tried. */
export function selfAgreementOf ({ form, tried }: ProbeFormFinding): number {
  return tried.find(({ name }) => name === form?.name)?.self_agreement ?? 1
}

/** Checks from which the validity is judged. */
const ENOUGH = 20
/** Validity below this share of the self-agreement is low. */
const LOW = 0.8

export function isValidityLow (state: ProbeFormState): boolean {
  const validity = probeValidity(state)
  return state.form !== null && validity !== null && state.asked >= ENOUGH && validity < LOW * selfAgreementOf(state)
}
