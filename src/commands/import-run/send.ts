import type { HttpClient } from '../command-line/http-client.js'
import { complete, type Draft, type Found, type Hints } from './found.js'
import { FileError } from '../command-line/command-error.js'

/** Checkpoints in one request. */
const BATCH = 500

/** What became of all that was found. */
export type Totals = Record<'accepted' | 'attempts' | 'duplicates' | 'rejected', number>

type Reply = Omit<Totals, 'rejected'> & { readonly rejected: ReadonlyArray<{ index: number, path: string, message: string }> }

export interface Report { readonly place: string, readonly draft: Draft }

/**
 * What can be sent. Where one EM of a file is a percentage, so may those be that could be fractions: no report can be taken back.
 * @param found in one file
 * @param reject told of each that can't
 */
export function reportsOf (found: readonly Found[], hints: Hints, reject: (problem: string) => void): Report[] {
  const percentage = hints.isPercent ? undefined : found.find(({ draft }) => (draft?.em ?? 0) > 1)
  return found.flatMap((one) => {
    try {
      const draft = complete(one, hints)
      if (percentage === undefined || !draft.em) return [{ place: one.place, draft }]
      throw new FileError(`${one.place}: an EM of ${draft.em} may be in percent, as at ${percentage.place}: say --percent, or put that right`)
    } catch (error) {
      reject((error as FileError).message)
      return []
    }
  })
}

/** Reports to the service, and adds up what it takes. @param reject told of each that it refuses */
export async function send (
  run: string, client: HttpClient, reports: readonly Report[], totals: Totals,
  note: (line: string) => void, reject: (problem: string) => void
): Promise<void> {
  const drafts = reports.map(({ draft }) => draft)
  for (let start = 0; start < drafts.length; start += BATCH) {
    const checkpoints = drafts.slice(start, start + BATCH)
    const reply = await client.send('POST', `/v1/training-runs/${encodeURIComponent(run)}/checkpoints`, { checkpoints }) as Reply
    for (const name of ['accepted', 'attempts', 'duplicates'] as const) totals[name] += reply[name]
    for (const { index, path, message } of reply.rejected) reject(`${reports[start + index]!.place}: ${path} ${message}`)
    if (reply.attempts > 0) note(`${reply.attempts} checkpoints were known with other figures: kept as further attempts`)
  }
}
