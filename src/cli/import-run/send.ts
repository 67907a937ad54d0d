import type { HttpClient } from '../command-line/http-client.js'
import { complete, type Draft, type Found, type Hints } from './found.js'
import { FileError } from '../command-line/command-error.js'

/** Checkpoints in one request. */
const BATCH = 500

/** How many checkpoints were accepted, kept as further attempts, known already, and rejected. */
export type Totals = Record<'accepted' | 'attempts' | 'duplicates' | 'rejected', number>

type Reply = Omit<Totals, 'rejected'> & { readonly rejected: ReadonlyArray<{ index: number, path: string, message: string }> }

export interface Report { readonly place: string, readonly draft: Draft }

/**
 * The checkpoints of a file that can be sent. If one EM of the file is a percentage, the others may be as well, even those that could be
 * fractions; they are rejected, since a report cannot be taken back.
 * @param onReject called with each checkpoint that cannot be sent
 */
export function reportsOf (found: readonly Found[], hints: Hints, onReject: (problem: string) => void): Report[] {
  const percentage = hints.isPercent ? undefined : found.find(({ draft }) => (draft?.em ?? 0) > 1)
  return found.flatMap((one) => {
    try {
      const draft = complete(one, hints)
      if (percentage === undefined || !draft.em) return [{ place: one.place, draft }]
      throw new FileError(`${one.place}: an EM of ${draft.em} may be in percent, since ${percentage.place} is: add --percent, or correct that one`)
    } catch (error) {
      onReject((error as FileError).message)
      return []
    }
  })
}

interface SendOptions {
  readonly run: string
  readonly client: HttpClient
  readonly reports: readonly Report[]
  /** Counts what the service did with the reports. */
  readonly totals: Totals
  readonly onNote: (line: string) => void
  /** Called with each checkpoint that the service rejects. */
  readonly onReject: (problem: string) => void
}

/** Sends reports to the service. @throws ServiceError */
export async function send ({ run, client, reports, totals, onNote, onReject }: SendOptions): Promise<void> {
  const drafts = reports.map(({ draft }) => draft)
  for (let start = 0; start < drafts.length; start += BATCH) {
    const checkpoints = drafts.slice(start, start + BATCH)
    const reply = await client.send('POST', `/v1/training-runs/${encodeURIComponent(run)}/checkpoints`, { checkpoints }) as Reply
    for (const name of ['accepted', 'attempts', 'duplicates'] as const) totals[name] += reply[name]
    for (const { index, path, message } of reply.rejected) onReject(`${reports[start + index]!.place}: ${path} ${message}`)
    if (reply.attempts > 0) onNote(`${reply.attempts} checkpoints were known with other figures: they are kept as further attempts`)
  }
}
