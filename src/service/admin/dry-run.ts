import { createHash } from 'node:crypto'
import { UnconfirmedError } from '../../errors/errors.js'

/** Most rows that a dry run lists. */
const SHOWN = 200
/** Characters of a confirmation. */
const CONFIRM_LENGTH = 16

/** Options of a command that is planned before it is carried out. */
export interface DryRunOptions {
  /** Whether only to report what the command would do; absent: false. */
  readonly dry_run?: boolean
  /** From a dry run of the same command; needed where the command concerns all contexts and would change some. */
  readonly confirm?: string
}

interface Row {
  readonly key: string
  readonly before: number | null
  readonly after: number | null
  readonly mode_before?: string
  readonly mode_after?: string
  readonly new_epoch?: boolean
}

/** The effect that a command would have. */
export interface DryRun<R> {
  /** The contexts that change first, then by key; at most 200. */
  readonly contexts: R[]
  readonly total: number
  readonly changing: number
  /** Digest of the command and of the contexts that change. */
  readonly confirm: string
}

/** @param command the fields by which two commands differ, without author and reason */
export function dryRun<R extends Row> (command: unknown, rows: readonly R[]): DryRun<R> {
  const changes = (row: R) => row.before !== row.after || row.mode_before !== row.mode_after || row.new_epoch === true
  const sorted = [...rows].sort((a, b) => Number(changes(b)) - Number(changes(a)) || (a.key < b.key ? -1 : 1))
  const changing = sorted.filter(changes)
  const confirm = confirmation(command, changing.map(({ key }) => key))
  return { contexts: sorted.slice(0, SHOWN), total: rows.length, changing: changing.length, confirm }
}

/** Digest of a command and of the contexts that it changes. */
export function confirmation (command: unknown, keys: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify([command, keys])).digest('base64url').slice(0, CONFIRM_LENGTH)
}

/**
 * Checks that the caller has seen which contexts a command changes.
 * @param given the `confirm` that came with the command
 * @throws UnconfirmedError where contexts change, and no dry run showed the same command changing just these
 */
export function checkConfirmed ({ changing, confirm }: Pick<DryRun<unknown>, 'changing' | 'confirm'>, given: string | undefined): void {
  if (changing > 0 && given !== confirm) throw new UnconfirmedError(String(changing))
}
