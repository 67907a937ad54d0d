import { Type, type TSchema } from '#typebox'
import { Compile, type Validator } from '#typebox/compile'

// What the schemas of stored values are made of.

export const text = Type.String()
export const number = Type.Number()
export const em = Type.Enum([0, 1])
/** Scores and thresholds. A threshold below 0 would stop everyone. */
export const ratio = Type.Number({ minimum: 0, maximum: 1 })
/** A time in ms that has a date. */
export const time = Type.Number({ minimum: -8.64e15, maximum: 8.64e15 })
export const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const numbersByName = Type.Record(text, number)

/** The shape of an example: lists have its length, but empty ones may have any; where it has null there may be anything. */
export function like (example: unknown): TSchema {
  if (example === null) return Type.Unknown()
  if (Array.isArray(example)) {
    const { length } = example
    return length === 0 ? Type.Array(Type.Unknown()) : Type.Array(like(example[0]), { minItems: length, maxItems: length })
  }
  if (typeof example === 'number') return number
  if (typeof example !== 'object') return typeof example === 'string' ? text : Type.Boolean()
  return Type.Object(fieldsLike(example))
}

export const fieldsLike = (example: object) =>
  Object.fromEntries(Object.entries(example).map(([name, value]) => [name, like(value)]))

/** Compiles the validator when the first value is checked: a process reads few kinds of values, and each thread would compile all. */
export function check (schema: TSchema): (value: unknown) => boolean {
  let validator: Validator | undefined
  return (value) => (validator ??= Compile(schema)).Check(value)
}
