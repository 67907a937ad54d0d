/**
 * The format of a state, in a file or in a store. Raise it when this version would misread what was written before, or when an earlier
 * version would misread what is written now. No other format is read.
 */
export const STATE_FORMAT = 1

/** A newer version has written to the store. This version would misread the data and lose what it does not know. */
export class NewerFormatError extends Error {
  override name = 'NewerFormatError'
  constructor (format: number) {
    super(`a newer version of stopgate has written to this store (format ${format}; this version reads only format ${STATE_FORMAT}): run the newer version`)
  }
}

/**
 * @param format 0: nothing was written yet
 * @throws NewerFormatError
 */
export function checkFormat (format: number): void {
  if (format > STATE_FORMAT) throw new NewerFormatError(format)
}

/** The error for a script's reply `NEWER <format>`. */
export function newerFormat (reply: string): NewerFormatError { return new NewerFormatError(Number(reply.split(' ')[1])) }
