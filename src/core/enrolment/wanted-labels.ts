import type { StoredCohort } from './stored-cohort.js'

/** A control outcome that awaits its label, and its place in the order of enrolment. */
export interface WantedLabel {
  readonly at: number
  readonly u: number
  readonly generation_id: string
}

/** The control outcomes of a cohort that await their labels, the longest enrolled first. */
export function wantedLabels ({ members }: StoredCohort): WantedLabel[] {
  return members.flatMap((member): WantedLabel[] => {
    if (!('waiting' in member) || member.arm !== 'control') return []
    const { at, u, waiting } = member
    return waiting.map((generation_id) => ({ at, u, generation_id }))
  }).sort(byPlace)
}

/** Orders by enrolment. Draws of one list have the same time, so their order is made definite. */
export function byPlace (a: WantedLabel, b: WantedLabel): number {
  return a.at - b.at || a.u - b.u || (a.generation_id < b.generation_id ? -1 : Number(a.generation_id > b.generation_id))
}
