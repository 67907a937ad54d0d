import { TooManyOutcomesError, retryAfter } from '../errors/errors.js'
import type { Quota } from './quota.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Caller } from './context-access.js'

export interface Reporter extends Caller { readonly tokenOutcomes: Quota | null }

/**
 * Keeps what a caller reports within what its token may, and counts it under the token's name. Only what is new uses the allowance up: to
 * send something again after a 503 or a lost reply costs nothing.
 * @param keep stores them, and says of each whether it is new
 * @throws TooManyOutcomesError: nothing was kept
 */
export async function spendReportQuota (
  { tokenName: token, tokenOutcomes: allowance }: Reporter, kind: 'outcome' | 'label' | 'checkpoint', count: number,
  metrics: Pick<Metrics, 'reports' | 'limited'>, keep: () => Promise<boolean[]>
): Promise<boolean[]> {
  const waitMs = allowance?.take(count, performance.now()) ?? 0
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
    allowance?.giveBack(count - accepted)
  }
}
