/** The ways to force an answer behind closed reasoning, with the text that each writes there. */
export const PROBE_FORM_SUFFIXES = {
  plain: 'Final answer:', boxed: 'The final answer is \\boxed{', choice: 'The answer is (', json: '{', direct: '',
} as const
export type ProbeFormName = keyof typeof PROBE_FORM_SUFFIXES
export const PROBE_FORM_NAMES = Object.keys(PROBE_FORM_SUFFIXES) as readonly ProbeFormName[]

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

/** Characters that the texts before and after the closing tag may have together, unless an operator states them. */
const SPACING_CHARACTERS = 64

/**
 * Whether a form writes only the words of its name, white space and punctuation. Any other text would be a text that its reporter puts into
 * the prompts and replies of all who share the context.
 */
export function isWordless ({ name, suffix, before, after }: ProbeForm): boolean {
  return suffix === PROBE_FORM_SUFFIXES[name] && before.length + after.length <= SPACING_CHARACTERS && /^[\s\p{P}]*$/u.test(before + after)
}

export function areSameForms (a: ProbeForm | null, b: ProbeForm | null): boolean {
  if (a === null || b === null) return a === b
  return a.name === b.name && a.suffix === b.suffix && a.before === b.before && a.after === b.after && a.tokens === b.tokens
}
