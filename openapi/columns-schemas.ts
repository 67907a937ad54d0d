import { Type, type TSchema } from 'typebox'
import type { Columns } from '../src/core/decide/decide-columns.js'
import { StepSchema } from './decision-schemas.js'
import { COLUMN_DECISIONS_EXAMPLE } from './examples/decision-examples.js'
import { ContextSchema, nullableRatio, SignalsSchema } from './field-schemas.js'

const strict = { additionalProperties: false }
const MAX_ROWS = 4096

const field: typeof StepSchema.properties = StepSchema.properties

const column = (items: TSchema, description: string) => Type.Array(items, { maxItems: MAX_ROWS, description })

/** A cell is what its step's field is, or null where the row has none. */
function orNull (schema: TSchema & { type?: string, enum?: unknown[] }): TSchema {
  return Type.Unsafe({ ...schema, type: [schema.type, 'null'], ...(schema.enum && { enum: [...schema.enum, null] }) })
}

const properties = {
  contexts: column(ContextSchema, 'Contexts that rows point into, up to 4,096'),
  context: column(
    Type.Integer({ minimum: 0, maximum: MAX_ROWS - 1, description: 'Index into contexts' }), 'Of each row, its index into contexts; up to 4,096 rows'),
  tokens: column(field.tokens, 'Generated so far; as long as context, as all that follow'),
  confidence: column(field.confidence, 'A number from 0 to 1, or null when unknown (then: continue)'),
  generation_ids: Type.Optional(column(orNull(field.generation_id), 'Ids of the generations; null: none')),
  group_ids: Type.Optional(column(orNull(field.group_id), 'Ids of the prompts that several generations share; null: none')),
  arms: Type.Optional(column(orNull(field.arm), 'Arms that first replies named; null: place it')),
  signals: Type.Optional(Type.Unsafe<Record<string, Array<number | null>>>({
    ...SignalsSchema,
    additionalProperties: column(orNull(Type.Number()), 'A number, or null where the row has none'),
    description: 'Other numbers by name, a column each',
  })),
  em: Type.Optional(column(orNull(field.em), 'EM of answers forced at these steps: 1 right, 0 wrong, null none')),
  answer: Type.Optional(column(orNull(field.answer), 'Answers forced at these steps (up to 4 KiB each); null: none')),
  probed_score: Type.Optional(column(field.probed_score, 'Highest scores at which an answer was forced, in these generations so far; null: none')),
}

export const ColumnsSchema = Type.Unsafe<Columns>(Type.Object(properties, {
  ...strict,
  title: 'Columns',
  description: 'Many steps, a column for each field',
  examples: [{ contexts: [{ model: 'qwen3-8b', task: 'gsm8k' }], context: [0, 0], tokens: [512, 96], confidence: [0.97, null], arms: ['treated', null] }],
}))

const anything = (items: TSchema): TSchema => Type.Unsafe({ ...items, items: {} })

/** What columns must be as a whole; their cells are validated one by one, and only if some cell is bad. */
export const AnyColumnsSchema = Type.Unsafe<Columns>({
  ...Type.Object({
    ...Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, anything(schema)])),
    signals: Type.Optional(Type.Record(Type.String(), anything(column(Type.Number(), '')), { description: 'Columns by name' })),
  }, strict),
  required: ['contexts', 'context', 'tokens', 'confidence'],
})

const rows = (description: string) => Type.Array(Type.Integer(), { description })

const ColumnContextSchema = {
  threshold: nullableRatio('Score at which the service says stop; null: never'),
  check_every_tokens: Type.Integer({ description: 'Ask again at the next multiple of this (tokens), in both arms' }),
  min_tokens: Type.Integer({ description: 'and not before this (tokens)' }),
}

export const ColumnDecisionsSchema = Type.Object({
  model_version: Type.Integer({ description: 'Version of the model that decided them all' }),
  stale: Type.Boolean({ description: 'The model has not been in step with the store for STALE_AFTER_SECONDS' }),
  stop: rows('Rows to stop: stop reasoning and answer; final once said'),
  control: rows('Rows of the control arm; all others are treated'),
  would_stop: rows('Rows whose score reached the threshold'),
  probe: rows('Control rows at which to force an answer aside: it is worth its tokens'),
  errors: Type.Array(Type.Object({
    index: Type.Integer({ description: 'Row; its answer is continue' }),
    path: Type.String({ description: 'Where (JSON pointer), with the column and the index' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'Rows that were not understood' }),
  contexts: Type.Array(Type.Unsafe<Record<keyof typeof ColumnContextSchema, number | null> | null>({
    ...Type.Object(ColumnContextSchema), type: ['object', 'null'],
  }), { description: 'What is in force in each context; null where the context is not one' }),
}, { title: 'ColumnDecisions', description: 'The decisions of all rows', examples: [COLUMN_DECISIONS_EXAMPLE] })
