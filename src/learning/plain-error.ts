/**
 * An error as the log writes it. Between threads an error of a class of its own becomes any Error, without what else it says, so it is made
 * plain before it goes.
 */
export interface PlainError {
  readonly type: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause?: PlainError
}

export function plainError (error: Error): PlainError {
  const { cause, name, ...more } = error
  return {
    ...asJson(more),
    type: error.constructor.name,
    message: error.message,
    stack: error.stack,
    ...(cause instanceof Error && { cause: plainError(cause) }),
  }
}

/** What JSON can't hold is no loss; a loop or a bigint must not keep the error itself from being told. */
function asJson (more: object): object {
  try { return JSON.parse(JSON.stringify(more)) } catch { return {} }
}
