import { isoTime } from '../../../openapi/wire.js'
import { suspicion } from '../../core/guards/index.js'
import { type Change, type ContextState, judge, type LoadedContexts, scoredEvidence } from '../../core/learn/index.js'
import { effectivePolicy } from '../../core/policy/index.js'
import { describeTradeoff, paceOf, type TradeoffView } from '../../core/reports/index.js'
import type { ReadHistory } from './history.js'

/** Changes of all contexts that are searched for those of one. */
const SEARCHED = 1000
/** Most changes that are shown. */
const SHOWN = 10

/** A change of the context's own threshold or pin. */
interface ThresholdMove extends Pick<Change, 'cause' | 'epoch' | 'before' | 'after' | 'before_scorer' | 'after_scorer'> { readonly time: string }

type OnWire<T> = T extends readonly (infer I)[]
  ? OnWire<I>[]
  : T extends object ? { [F in keyof T]: F extends 'at' ? string | null : OnWire<T[F]> } : T

/** The trade-off as replies have it, with times in ISO 8601. */
type Tradeoff = { readonly key: string, readonly moves: ThresholdMove[] } & OnWire<TradeoffView>

export async function readTradeoff (
  readHistory: ReadHistory, { loaded, state }: { loaded: LoadedContexts, state: ContextState }, key: string
): Promise<Tradeoff> {
  const policy = effectivePolicy(loaded.defaultPolicy, loaded.policies, key)
  const pace = paceOf(state, Date.now())
  const { index } = judge(state, policy, loaded.levels, loaded.predictors)
  const scored = scoredEvidence(state, policy, loaded.predictors)
  const thresholds = { ...scored, score: policy.score, index, suspicion: suspicion(state.guards.drift) }
  const history = await readHistory(SEARCHED)
  const moves = history.flatMap((row) => row.cause === 'unreadable' || row.key !== key ? [] : row).slice(0, SHOWN)
    .map(({ time, cause, epoch, before, after, before_scorer, after_scorer }): ThresholdMove => ({
      time: isoTime(time), cause, epoch, before, after, ...(before_scorer && { before_scorer }), ...(after_scorer && { after_scorer }),
    }))
  return { key, ...onWire(describeTradeoff(thresholds, policy, pace)), moves }
}

function onWire ({ forecast, ...view }: TradeoffView): OnWire<TradeoffView> {
  const { next_certificate: next, horizons } = forecast
  const timed = <T extends { at: number | null }>(row: T) => ({ ...row, at: row.at === null ? null : isoTime(row.at) })
  return {
    ...view,
    points: [...view.points],
    forecast: { ...forecast, next_certificate: next && timed(next), horizons: horizons.map(timed) },
  }
}
