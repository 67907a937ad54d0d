import { Type } from '#typebox'
import { SAVINGS_DAYS } from '../src/core/stats/index.js'
import { ContextQuerySchema } from './context-schemas.js'
import { SAVINGS_EXAMPLE } from './examples/savings-examples.js'
import { nullable } from './field-schemas.js'

const date = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: `${description} (YYYY-MM-DD, UTC)`, examples: ['2026-01-05'] })

export const SavingsQuerySchema = Type.Object({
  prefix: ContextQuerySchema.properties.prefix,
  since: Type.Optional(date(`First day; 29 days before the last one by default. Days are kept for 13 months (${SAVINGS_DAYS} days)`)),
  until: Type.Optional(date('Last day; today by default')),
  by: Type.Optional(Type.Unsafe<'day' | 'context'>({
    type: 'string', enum: ['day', 'context'], description: 'Rows to list, too: one for each day, or one for each context that had outcomes; none by default',
  })),
}, { additionalProperties: false })

export type SavingsQuery = Type.Static<typeof SavingsQuerySchema>

const figure = (description: string) => nullable<number>('number', { description: `${description}; null: too few control generations to say` })
const bound = (description: string) => nullable<number>('number', { description: `${description}; null as for the estimate` })

const row = {
  since: date('First day'),
  until: date('Last day'),
  context: Type.String({ description: 'Context key: this context and those below' }),
  generations: Type.Integer({ description: 'Generations that were reported' }),
  tokens: Type.Number({ description: 'Tokens that they spent, probes included. Full runs would have taken tokens + tokens_saved' }),
  tokens_saved: figure('Tokens saved by certified thresholds, net of probes; negative where probes cost more'),
  tokens_saved_low: bound('Lower bound of tokens_saved (95 %)'),
  tokens_saved_high: bound('Upper bound of tokens_saved (95 %)'),
  answers_lost: nullable<number>('number', {
    description: 'Right answers that stopping cost, less those that it gained: the share that control generations lose, times the generations that could be stopped; null: not known of any control generation',
  }),
  answers_lost_low: bound('Lower bound of answers_lost (95 %)'),
  answers_lost_high: bound('Upper bound of answers_lost (95 %)'),
  answers_unlabelled: figure('Generations whose answer stopping changed and that are left out of answers_lost, since no label says which answer was right'),
}

/** The fields of a row, in the order of the columns of a file. */
export const SAVINGS_COLUMNS = Object.keys(row) as ReadonlyArray<keyof typeof row>

const SavingsRowSchema = Type.Object(row, { title: 'SavingsRow', description: 'What stopping saved and lost in some days, in a context and those below' })

export type SavingsRow = Type.Static<typeof SavingsRowSchema>

export const SavingsSchema = Type.Object({
  total: SavingsRowSchema,
  rows: Type.Array(SavingsRowSchema, {
    description: 'By day or by key, those without outcomes left out. Each is estimated from its own sums, so the savings of rows need not add up to the total, whose interval is the narrowest',
  }),
}, { title: 'SavingsReport', description: 'What stopping saved and lost in a range of days', examples: [SAVINGS_EXAMPLE] })
