import { createHash } from 'node:crypto'
import { depthOf, type Levels } from '../../core/policy/index.js'
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
  readonly em_drop_after?: number | null
  /** Tokens saved a day; absent: not foreseen. `null`: unknown, and in inner contexts. */
  readonly tokens_saved_per_day_before?: number | null
  readonly tokens_saved_per_day_after?: number | null
}

/** Tokens saved a day by all contexts of a command whose savings are known. */
interface TokensPerDay {
  /** `null`: none are known. */
  readonly before: number | null
  readonly after: number | null
  /** Contexts that change and whose savings are not known. */
  readonly unknown: number
}

/** The effect that a command would have. */
export interface DryRun<R> {
  /** The contexts that change first, then those that lose most EM, then by key; at most 200. */
  readonly contexts: R[]
  readonly total: number
  readonly changing: number
  readonly tokens_saved_per_day: TokensPerDay
  /** Digest of the command and of the contexts that change. */
  readonly confirm: string
}

/** Whether a threshold, a mode or an epoch changes. */
const changesAnything = (row: Row) => row.before !== row.after || row.mode_before !== row.mode_after || row.new_epoch === true

/**
 * @param command the fields by which two commands differ, without author and reason
 * @param changes whether a row is one that changes
 */
export function dryRun<R extends Row> (levels: Levels, command: unknown, rows: readonly R[], changes = changesAnything): DryRun<R> {
  const lost = (row: R) => row.em_drop_after ?? -1
  const sorted = [...rows].sort((a, b) => Number(changes(b)) - Number(changes(a)) || lost(b) - lost(a) || (a.key < b.key ? -1 : 1))
  const changing = sorted.filter(changes)
  const confirm = confirmation(command, changing.map(({ key }) => key).sort()) // not in the order shown, which moves with the evidence
  const tokens_saved_per_day = tokensPerDay(levels, rows)
  return { contexts: sorted.slice(0, SHOWN), total: rows.length, changing: changing.length, tokens_saved_per_day, confirm }
}

/** The sum over contexts without contexts below them, which is where generations are. */
function tokensPerDay (levels: Levels, rows: readonly Row[]): TokensPerDay {
  let [before, after, known, unknown] = [0, 0, 0, 0]
  for (const row of rows) {
    if (depthOf(row.key) < levels.length) continue
    const { tokens_saved_per_day_before: from = null, tokens_saved_per_day_after: to = null } = row
    if (from !== null && to !== null) {
      before += from
      after += to
      known++
    } else if (changesAnything(row)) unknown++
  }
  return known === 0 ? { before: null, after: null, unknown } : { before: Math.round(before), after: Math.round(after), unknown }
}

/** Digest of a command and of the contexts that it changes. */
function confirmation (command: unknown, keys: readonly string[]): string {
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
