import { type ProbeFormFinding, areSameForms } from '../decide/probe-form.js'

/** The form in force in a context, or the search that found none, and the checks of it since. */
export interface ProbeFormState extends ProbeFormFinding {
  readonly at: number
  /** Control generations that were asked at the end of their reasoning, too, and those that then gave the same answer. */
  readonly asked: number
  readonly equal: number
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
function selfAgreementOf ({ form, tried }: ProbeFormFinding): number {
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
