import { AnyColumnsSchema, ColumnsSchema, StepSchema } from '../../../openapi/decision-schemas.js'
import { ContextSchema } from '../../../openapi/field-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { type Columns, stepAt } from '../../core/decide/decide-columns.js'
import { type Context, type Levels, unknownLevel } from '../../core/policy/context.js'
import { at, invalid, InvalidInputError, type Problem, UnknownLevelError } from '../../errors/errors.js'
import { type Caller, contextAccessProblem } from '../access/context-access.js'

export interface RowProblem extends Problem { readonly index: number }

/** Columns that have the right form, and the problems in them. */
interface CheckedColumns {
  readonly columns: Columns
  /** Invalid rows, in order. */
  readonly errors: RowProblem[]
  /** The problem of each context; `null`: none. */
  readonly contexts: ReadonlyArray<Problem | null>
}

const formProblem = itemValidator(AnyColumnsSchema)
const schemaProblem = itemValidator(ColumnsSchema)
const stepProblem = itemValidator(StepSchema)
const schemaContextProblem = itemValidator(ContextSchema)

/** Names of columns that differ from the field of a step. */
const COLUMN_OF: Readonly<Record<string, string>> = {
  generation_id: 'generation_ids', group_id: 'group_ids', prompt_hash: 'prompt_hashes', arm: 'arms',
}

/**
 * Finds the rows that would be refused as single steps. Form, contexts and rows are validated one by one only
 * if something is invalid.
 * @param body as it was received
 * @throws InvalidInputError if it has another form, or columns differ in length
 */
export function checkColumns (caller: Caller, levels: Levels, body: unknown): CheckedColumns {
  const isValid = schemaProblem(body) === null
  const problem = isValid ? null : formProblem(body)
  if (problem !== null) throw invalid(problem)
  const columns = body as Columns
  checkLengths(columns)
  const contexts = columns.contexts.map((context, i) => under(i, contextProblemOf(caller, levels, context, isValid)))
  const areBad = !isValid || contexts.some((problem) => problem !== null) || columns.context.some((index) => index >= contexts.length)
  const errors: RowProblem[] = []
  if (areBad) {
    for (let index = 0; index < columns.context.length; index++) {
      const problem = rowProblem(columns, index) ?? contexts[columns.context[index]!]!
      if (problem !== null) errors.push({ index, ...problem })
    }
  }
  return { columns, errors, contexts }
}

function checkLengths (columns: Columns): void {
  const { contexts, signals, context } = columns
  for (const name in columns) {
    const column = columns[name as keyof Columns]
    if (column !== contexts && column !== signals) checkLength(name, column as readonly unknown[], context.length)
  }
  for (const name in signals) checkLength(`signals/${name}`, signals[name]!, context.length)
}

function checkLength (name: string, { length }: { readonly length: number }, rows: number): void {
  if (length !== rows) throw at(`/${name}`, new InvalidInputError(`/${name} has ${length} rows and context has ${rows}: send columns of equal length`))
}

function contextProblemOf (caller: Caller, levels: Levels, context: Context, isValid: boolean): Problem | null {
  const problem = isValid ? null : schemaContextProblem(context)
  if (problem !== null) return { ...problem, path: `/context${problem.path}` }
  const level = unknownLevel(levels, context)
  return contextAccessProblem(caller, levels, context) ??
    (level === null ? null : { path: `/context/${level}`, message: new UnknownLevelError(level, levels.join(', ')).message })
}

/** Moves the problem of a context to its place among the contexts. */
function under (index: number, problem: Problem | null): Problem | null {
  return problem && { ...problem, path: problem.path.replace('/context', `/contexts/${index}`) }
}

function rowProblem (columns: Columns, row: number): Problem | null {
  const index = columns.context[row]
  if (index === undefined || !Number.isInteger(index) || columns.contexts[index] === undefined) {
    return { path: `/context/${row}`, message: `must be an index into contexts (there are ${columns.contexts.length})` }
  }
  const problem = stepProblem(stepAt(columns, row))
  if (problem === null || problem.path.startsWith('/context')) return under(index, problem)
  const [, field = '', ...rest] = problem.path.split('/')
  return { ...problem, path: ['', COLUMN_OF[field] ?? field, ...rest, row].join('/') }
}
