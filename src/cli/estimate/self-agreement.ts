import { agreementWith } from '../../core/outcome/index.js'
import type { RecordedRun } from '../traces/recorded-run.js'

/** How often a model agrees with itself. The rest is noise of sampling, which no way to stop can remove. */
export interface SelfAgreement {
  readonly share: number
  /** Pairs of samples of one prompt, or answers that were asked for again. */
  readonly pairs: number
  /** `em`: the answers are not in the file, so pairs with the same EM are counted. */
  readonly by: 'answer' | 'em'
}

/** Samples of a prompt that are compared with each other. */
const MAX_SAMPLES = 8

/** @returns `null` if no prompt has several samples */
export function selfAgreementOf (runs: readonly RecordedRun[]): SelfAgreement | null {
  const groups = [...byPrompt(runs).values()].map((own) => own.slice(0, MAX_SAMPLES))
  const by = runs.every(({ outcome }) => outcome.answer !== undefined) ? 'answer' : 'em'
  let [pairs, equal] = [0, 0]
  for (const own of groups) {
    for (const [i, a] of own.entries()) {
      const agrees = agreementWith(a.outcome.answer ?? '')
      for (const b of own.slice(i + 1)) {
        pairs++
        equal += by === 'em' ? Number(a.em === b.em) : agrees(b.outcome.answer!)
      }
    }
  }
  return pairs === 0 ? null : { share: equal / pairs, pairs, by }
}

/** Generations with the same prompt are one unit. */
export function byPrompt (runs: readonly RecordedRun[]): Map<string, RecordedRun[]> {
  const groups = new Map<string, RecordedRun[]>()
  for (const run of runs) {
    const id = unitIdOf(run)
    const own = groups.get(id)
    if (own === undefined) groups.set(id, [run]); else own.push(run)
  }
  return groups
}

function unitIdOf ({ outcome: { group_id: group, prompt_hash: prompt, generation_id: id } }: RecordedRun): string {
  return group !== undefined ? `g ${group}` : prompt !== undefined ? `p ${prompt}` : `i ${id}`
}
