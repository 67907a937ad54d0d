import { drawsOf, type StoredMembers } from './stored-cohort.js'

/** A control outcome that awaits its label, and its place in the order of enrolment. */
export interface WantedLabel {
  readonly at: number
  readonly u: number
  readonly generation_id: string
}

/** The control outcomes of a cohort that await their labels, the longest enrolled first. */
export function wantedLabels (stored: StoredMembers): WantedLabel[] {
  const waiting = new Map(stored.reports.map((report) => [report.u, report.waiting]))
  return drawsOf(stored).flatMap(({ u, arm, at }) => {
    const ids = arm === 'control' ? waiting.get(u) ?? [] : []
    return ids.map((generation_id): WantedLabel => ({ at, u, generation_id }))
  }).sort(byPlace)
}

/** Orders by enrolment. Draws of one list have the same time, so their order is made definite. */
export function byPlace (a: WantedLabel, b: WantedLabel): number {
  return a.at - b.at || a.u - b.u || (a.generation_id < b.generation_id ? -1 : Number(a.generation_id > b.generation_id))
}
