import { Type } from '#typebox'
import { PROBE_FORM_NAMES, type ProbeFormName } from '../src/core/decide/index.js'
import { RuleSchema } from './decision-schemas.js'
import { ContextSchema, nullable, objectOrNull, RatioSchema } from './field-schemas.js'

const strict = { additionalProperties: false }

const LOOKS = 'How the answer looks: plain (a line), boxed (in \\boxed{}), choice (a letter), json, or direct (all that follows the closed reasoning)'

const NameSchema = Type.Unsafe<ProbeFormName>({ type: 'string', enum: [...PROBE_FORM_NAMES], description: LOOKS })

const TextSchema = (description: string) => Type.String({ maxLength: 1024, description })

export const ProbeFormSchema = Type.Object({
  name: NameSchema,
  suffix: TextSchema('Text behind the closed reasoning that asks for the answer: that of the name, unless an operator states another'),
  before: TextSchema('Text before the tag that closes the reasoning: white space and punctuation, unless an operator states another'),
  after: TextSchema('Text after that tag'),
  tokens: Type.Integer({ minimum: 1, maximum: 256, description: 'Largest number of tokens of a forced answer' }),
}, { ...strict, title: 'ProbeForm', description: 'How workers force an answer at a step' })

const TriedFormSchema = Type.Object({
  name: NameSchema,
  agreement: RatioSchema('Share of the generations whose forced answer equals the answer that followed'),
  self_agreement: RatioSchema('Share of the generations that gave the same answer when asked for it again: the yardstick of agreement'),
  tokens: Type.Number({ minimum: 0, description: 'Mean tokens of a forced answer' }),
}, { ...strict, title: 'TriedProbeForm', description: 'How a form did at the natural end of the reasoning' })

const findingFields = {
  form: objectOrNull(ProbeFormSchema, 'The form; null: none agrees'),
  is_stated: Type.Boolean({ description: 'Whether it is stated, and was not found. With an operator\'s token it replaces a form in force, and a new epoch begins' }),
  generations: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Generations that were tried' }),
  tried: Type.Array(TriedFormSchema, { maxItems: 16, description: 'The forms that were tried' }),
}

export const ProbeFormRequestSchema = Type.Object({
  context: Type.Optional(ContextSchema),
  finding: Type.Optional(Type.Object(findingFields, { ...strict, title: 'ProbeFormFinding', description: 'What a search found, or what an operator states; absent: only read' })),
}, {
  ...strict,
  title: 'ProbeFormRequest',
  description: 'A context, and the form that was found there',
  examples: [{
    context: { model: 'example', task: 'example' },
    finding: {
      form: { name: 'direct', suffix: '', before: '', after: '', tokens: 1 },
      is_stated: false,
      generations: 20,
      tried: [{ name: 'direct', agreement: 1, self_agreement: 1, tokens: 1 }],
    },
  }],
})

export const ProbeFormReplySchema = Type.Object({
  context: Type.String({ description: 'Key of the context that certifies, for which the form holds' }),
  is_known: Type.Boolean({ description: 'Whether a form, or a search without result, is in force; false: search for one' }),
  probe_form: objectOrNull(ProbeFormSchema, 'The form in force; null: none, so do not probe'),
  rule: RuleSchema,
}, {
  title: 'ProbeFormReply',
  description: 'The form in force, and the rule, so that a worker knows when to ask, and whether to probe a generation whose arm is not drawn yet; a finding takes effect a moment later',
  examples: [{
    context: 'model=example,task=example',
    is_known: false,
    probe_form: null,
    rule: { threshold: null, mode: 'enforce', check_every_tokens: 8, check_growth: 0.125, min_tokens: 0, control_share: 1, warnings: [] },
  }],
})

/** In the description of a context. */
export const ContextProbeFormSchema = Type.Object({
  name: nullable<ProbeFormName>('string', { enum: [...PROBE_FORM_NAMES, null], description: `${LOOKS}; null: none of those that were tried agrees` }),
  tokens: nullable<number>('integer', { description: 'Largest number of tokens of a forced answer; null: there is no form' }),
  is_stated: findingFields.is_stated,
  tried: findingFields.tried,
  asked: Type.Number({ description: 'Control generations that were asked at the end of their reasoning, too, since it came into force' }),
  validity: Type.Unsafe<number | null>({
    type: ['number', 'null'], description: 'Share of these whose forced answer equals the real one (probe_validity); null: none was asked yet',
  }),
}, { title: 'ContextProbeForm', description: 'How workers force answers in the context, and how often they are the real ones' })
