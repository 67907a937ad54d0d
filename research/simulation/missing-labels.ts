import { memoryFold, outcomeOf, SURE_STEP } from '../../test/core/learn/memory-fold.js'
import { SHUFFLED } from '../../test/quick-policy.js'
import { mulberry32 } from '../../test/random.js'

// Labels that are missing more often for wrong answers. A missing label counts as the worst case, so hiding labels gains nothing.

/** Chances that stopping loses or gains an answer (the EM drop is lost - gained), and that the label of each kind is missing. */
export interface LabelWorld {
  readonly name: string
  readonly lost: number
  readonly gained: number
  readonly missing: { readonly lost: number, readonly gained: number, readonly kept: number }
}

export const LABEL_WORLDS = [
  { name: 'all labelled, drop 0.2 points', lost: 0.005, gained: 0.003, missing: { lost: 0, gained: 0, kept: 0 } },
  { name: '1 % missing at random, drop 0.2 points', lost: 0.005, gained: 0.003, missing: { lost: 0.01, gained: 0.01, kept: 0.01 } },
  { name: 'missing for 80 % of what stopping loses, drop 4 points', lost: 0.05, gained: 0.01, missing: { lost: 0.8, gained: 0, kept: 0.02 } },
  { name: 'missing for 80 % of what the full run had wrong, drop 4 points', lost: 0.05, gained: 0.01, missing: { lost: 0, gained: 0.8, kept: 0.02 } },
  { name: 'missing for 60 % of what stopping loses and nothing else, drop 2.5 points', lost: 0.03, gained: 0.005, missing: { lost: 0.6, gained: 0, kept: 0 } },
] as const satisfies readonly LabelWorld[]

/** Looks for a certificate after every outcome. @returns the share of the runs in which a threshold was ever certified at 2 points */
export function playLabels ({ lost, gained, missing }: LabelWorld, runs: number, generations = 4000): number {
  let certified = 0
  for (let run = 1; run <= runs; run++) {
    const random = mulberry32(run * 7919)
    const fold = memoryFold(SHUFFLED, { levels: [] })
    let isCertified = false
    for (let i = 0; i < generations && !isCertified; i++) {
      const u = random()
      const kind = u < lost ? 'lost' : u < lost + gained ? 'gained' : 'kept'
      const full = kind === 'gained' ? 0 : 1
      const isMissing = random() < missing[kind]
      const steps = [{ ...SURE_STEP, exact_match: kind === 'lost' ? 0 : 1 } as const]
      fold.learn(outcomeOf({ context: {}, full: isMissing ? {} : { exact_match: full }, steps }))
      isCertified = fold.state('*').rule.index > -1
    }
    if (isCertified) certified++
  }
  return certified / runs
}
