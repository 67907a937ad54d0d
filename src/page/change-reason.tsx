import type { HistoryChange } from './api.js'
import { clockTime, count, NONE, points } from './format.js'
import { routeTo } from './route.js'

type Reason = Pick<HistoryChange, 'time' | 'key' | 'by' | 'reason' | 'alarm'>

/** Why a threshold moved: who ordered it, or what the alarm saw, with the stops between that time and the alarm. */
export function ChangeReason ({ change: { time, key: context, by, reason, alarm } }: { change: Reason }) {
  if (by !== undefined) return <>{`${by}${reason === undefined ? '' : `: ${reason}`}`}</>
  if (alarm === undefined || context === null) return <>{NONE}</>
  const { since, em_drop: drop, generations, stops } = alarm
  const list = `${routeTo('generation')}?${new URLSearchParams({ stops: context, since, until: time }).toString()}`
  const loss = `since ${clockTime(since)}: about ${points(drop, 1)} of EM lost in ${count(generations)} generations; `
  return <>{loss}<a href={list}>{count(stops)} stops until then</a></>
}
