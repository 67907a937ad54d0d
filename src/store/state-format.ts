/**
 * Of a state, in a file or in a store; raised when what was written before would be misread, or what is written now by a version of before.
 * What is older is read: rows of a file by the upgrades of src/store/state-file.ts, a store's values by src/store/encoding.ts.
 */
export const STATE_FORMAT = 5

/** A newer version has written to the store: this one would misread it, and lose what it does not know of. */
export class NewerFormatError extends Error {
  override name = 'NewerFormatError'
  constructor (format: number) {
    super(`a newer version of stopgate has written to this store (format ${format}, and this version knows formats up to ${STATE_FORMAT}): run that one`)
  }
}

/** @throws NewerFormatError */
export function checkFormat (format: number): void {
  if (format > STATE_FORMAT) throw new NewerFormatError(format)
}

/** Of what a script of Redis says of it. @param reply `NEWER <format>` */
export function newerFormat (reply: string): NewerFormatError { return new NewerFormatError(Number(reply.split(' ')[1])) }
