import { TooManyOutcomesError, retryAfter } from '../errors/errors.js'
import type { Quota } from './quota.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Caller } from './context-access.js'

export interface Reporter extends Caller { readonly tokenOutcomes: Quota | null }

/**
 * Stores reports within the quota of the caller's token, and counts them under its name. Only new reports use up the quota, so sending a
 * report again after a 503 or a lost reply costs nothing.
 * @param keep stores the reports and returns for each whether it is new
 * @throws TooManyOutcomesError: nothing was stored
 */
export async function spendReportQuota (
  { tokenName: token, tokenOutcomes: quota }: Reporter, kind: 'outcome' | 'label' | 'checkpoint', count: number,
  metrics: Pick<Metrics, 'reports' | 'limited'>, keep: () => Promise<boolean[]>
): Promise<boolean[]> {
  const waitMs = quota?.take(count, performance.now()) ?? 0
  if (waitMs > 0) {
    metrics.limited.inc({ token, limit: 'outcomes' })
    throw retryAfter(waitMs, new TooManyOutcomesError(token))
  }
  let accepted = 0
  try {
    const areNew = await keep()
    accepted = areNew.filter(Boolean).length
    metrics.reports.inc({ token, kind, result: 'accepted' }, accepted)
    metrics.reports.inc({ token, kind, result: 'duplicate' }, count - accepted)
    return areNew
  } finally {
    quota?.giveBack(count - accepted)
  }
}
