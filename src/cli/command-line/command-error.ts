/** A mistake that the caller can correct: the message is printed without a stack trace, and the process exits with `exitCode`. */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly exitCode: number = 1
}

/** A malformed command line. */
export class UsageError extends CommandError {
  override name = 'UsageError'
  override readonly exitCode = 2
}

/** A file with unusable content; the message starts with its path, and the place in it where that is known. */
export class FileError extends CommandError {
  override name = 'FileError'
}
