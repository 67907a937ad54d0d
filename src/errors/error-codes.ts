import * as errors from './errors.js'

type AnyError = new () => { code: string, statusCode?: number, message: string }

/** Every code that an error reply can have, in alphabetical order. In messages, … stands for the parts that vary. */
export const ERROR_CODES: ReadonlyArray<{ code: string, status: number, message: string }> = Object.values<unknown>(errors)
  .filter((value): value is AnyError => typeof value === 'function' && value.prototype instanceof Error)
  .map((Kind) => new Kind())
  .map(({ code, statusCode: status = 500, message }) => ({ code, status, message: message.replaceAll('%s', '…').replaceAll('%%', '%') }))
  .sort((a, b) => a.code < b.code ? -1 : 1)

const codes = new Set(ERROR_CODES.map(({ code }) => code))

export function isOurs (code: string | undefined): boolean {
  return code !== undefined && codes.has(code)
}
