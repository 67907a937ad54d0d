import { Type, type TSchema } from '#typebox'
import { MAX_ROWS, type Columns } from '../src/core/decide/decide-columns.js'
import { CONTEXT_WARNINGS, type ContextWarning } from '../src/core/judgement/context-warnings.js'
import { StepSchema } from './decision-schemas.js'
import { COLUMN_DECISIONS_EXAMPLE } from './examples/decision-examples.js'
import { ContextSchema, NullableRatioSchema, objectOrNull, SignalsSchema } from './field-schemas.js'
import { toNullable } from './lenient.js'

const strict = { additionalProperties: false }

const field: typeof StepSchema.properties = StepSchema.properties

const column = (items: TSchema, description: string) => Type.Array(items, { maxItems: MAX_ROWS, description })

const properties = {
  contexts: column(ContextSchema, 'Contexts that rows refer to, up to 4,096'),
  context: column(
    Type.Integer({ minimum: 0, maximum: MAX_ROWS - 1, description: 'Index into contexts' }), 'Index into contexts, for each row; up to 4,096 rows'),
  tokens: column(field.tokens, 'Tokens generated so far; this column and all others have as many rows as context'),
  confidence: column(field.confidence, 'A number from 0 to 1, or null if unknown (the decision is then continue)'),
  generation_ids: Type.Optional(column(toNullable(field.generation_id), 'Ids of the generations; null: none')),
  group_ids: Type.Optional(column(toNullable(field.group_id), 'Ids of the prompts that several generations share; null: none')),
  sample: Type.Optional(column(toNullable(field.sample), 'Numbers of the samples in their groups; null: not stated')),
  arms: Type.Optional(column(toNullable(field.arm), 'Arms that the first replies stated; null: the service draws the arm')),
  signals: Type.Optional(Type.Unsafe<Record<string, Array<number | null>>>({
    ...SignalsSchema,
    additionalProperties: column(toNullable(Type.Number()), 'A number, or null if the row has none'),
    description: 'Other signals, one column for each name',
    examples: [{ entropy: [0.31, null], answer_streak: [3, 1] }],
  })),
  em: Type.Optional(column(toNullable(field.em), 'EM of the answers forced at these steps: 1 right, 0 wrong, null: none was forced')),
  answer: Type.Optional(column(toNullable(field.answer), 'Answers forced at these steps (up to 4 KiB each); null: none')),
  probed_score: Type.Optional(column(field.probed_score, 'Highest score at which an answer was forced so far in the generation of the row; null: none was forced')),
}

export const ColumnsSchema = Type.Unsafe<Columns>(Type.Object(properties, {
  ...strict,
  title: 'Columns',
  description: 'Many steps, with one column for each field',
  examples: [{ contexts: [{ model: 'example', task: 'example' }], context: [0, 0], tokens: [512, 96], confidence: [0.97, null], arms: ['treated', null] }],
}))

const anything = (items: TSchema): TSchema => Type.Unsafe({ ...items, items: {} })

/** What columns must be as a whole. Cells are validated one by one, and only if some cell is invalid. */
export const AnyColumnsSchema = Type.Unsafe<Columns>({
  ...Type.Object({
    ...Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, anything(schema)])),
    signals: Type.Optional(Type.Record(Type.String(), anything(column(Type.Number(), '')), { description: 'Columns by name' })),
  }, strict),
  required: ['contexts', 'context', 'tokens', 'confidence'],
})

const rows = (description: string) => Type.Array(Type.Integer(), { description })

const ContextWarningsSchema = Type.Unsafe<readonly ContextWarning[]>({
  type: 'array', items: { type: 'string', enum: [...CONTEXT_WARNINGS] }, description: 'As the warnings of a decision',
})

const ColumnContextSchema = Type.Object({
  threshold: NullableRatioSchema('Score at which the service says stop; null: never'),
  check_every_tokens: Type.Integer({ description: 'Ask again at the next multiple of this (tokens), in both arms, but not before min_tokens' }),
  check_growth: Type.Number({ description: 'Ask again this part of the tokens so far later at the earliest; 0: at the next multiple' }),
  min_tokens: Type.Integer({ description: 'Earliest step at which to ask again (tokens)' }),
  warnings: ContextWarningsSchema,
}, { title: 'ColumnContext', description: 'The rule in force in one context' })

export const ColumnDecisionsSchema = Type.Object({
  model_version: Type.Integer({ description: 'Version of the model that made all of these decisions' }),
  stale: Type.Boolean({ description: 'Whether the model has not been in step with the store for STALE_AFTER_SECONDS' }),
  stop: rows('Rows to stop: end the reasoning and answer; the decision is final'),
  control: rows('Rows of the control arm; all others, except those in errors, are treated'),
  would_stop: rows('Rows whose score reached the threshold'),
  probe: rows('Control rows at which to force an answer on the side; what it tells is worth its tokens'),
  first_step_late: rows('Rows without an arm that are past the first check: their generations are not enrolled, so echo the arm of the first reply'),
  errors: Type.Array(Type.Object({
    index: Type.Integer({ description: 'Index of the row; its decision is continue' }),
    path: Type.String({ description: 'JSON pointer to the cell: the column, then the row' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'Invalid rows' }),
  contexts: Type.Array(objectOrNull(ColumnContextSchema, 'null: the context is invalid or the token may not use it'), { description: 'The rule in force in each context; null: the context is invalid or the token may not use it' }),
}, { title: 'ColumnDecisions', description: 'Decisions of all rows', examples: [COLUMN_DECISIONS_EXAMPLE] })
