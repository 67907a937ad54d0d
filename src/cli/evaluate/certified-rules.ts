import type { Predictor } from '../../core/predictor/predictor.js'
import { ranInFull, type Ending } from '../traces/recorded-run.js'
import { challengerLevel, championLevel } from '../../core/judgement/candidate-scorer.js'
import { certify, judgeBy, type Case, type Certified, type Judged } from './candidates.js'
import type { Split } from './split-groups.js'

export const CERTIFIED_RULES = {
  raw: 'raw confidence certified',
  both: 'raw certified on both parts',
  predictor: 'predictor certified',
  champion: 'champion and challenger',
} as const

/** How a rule ended each test generation of a context. */
export interface Served { readonly name: string, readonly endings: readonly Ending[], readonly isCertified: boolean }

export interface Wish { readonly maxEmDrop: number, readonly errorLevel: number }

/**
 * The rules that certify, in one context of a split. Each score is evaluated alone at the full error level, and both together as the
 * service runs them: raw confidence and the first challenger share the level, and the one that saves more serves. Raw confidence needs
 * no learning part, so it is also shown with that part as evidence.
 * @param predictor `null` if there was not enough evidence to fit one; it then certifies nothing
 */
export function certifiedRules (split: Split<Case>, predictor: Predictor | null, { maxEmDrop, errorLevel }: Wish): Served[] {
  const raw = ({ raw }: Case): Judged => raw
  const own = predictor === null ? null : judgeBy(predictor)
  const rawEvidence = split.certify.map(raw)
  const ownEvidence = own === null ? [] : split.certify.map(own)
  const rawTest = split.test.map(raw)
  const ownTest = own === null ? rawTest : split.test.map(own)
  const serve = (name: string, { index }: Certified, test: readonly Judged[]): Served =>
    ({ name, endings: test.map((one) => endOf(one, index)), isCertified: index >= 0 })

  const champion = certify(rawEvidence, maxEmDrop, championLevel(errorLevel))
  const challenger = certify(ownEvidence, maxEmDrop, challengerLevel(errorLevel, 1))
  const isTaken = challenger.index >= 0 && (champion.index < 0 || challenger.saved > champion.saved)
  return [
    serve(CERTIFIED_RULES.raw, certify(rawEvidence, maxEmDrop, errorLevel), rawTest),
    serve(CERTIFIED_RULES.both, certify([...split.learn.map(raw), ...rawEvidence], maxEmDrop, errorLevel), rawTest),
    serve(CERTIFIED_RULES.predictor, certify(ownEvidence, maxEmDrop, errorLevel), ownTest),
    isTaken ? serve(CERTIFIED_RULES.champion, challenger, ownTest) : serve(CERTIFIED_RULES.champion, champion, rawTest),
  ]
}

function endOf ({ run, stops }: Judged, index: number): Ending {
  if (index === -1) return ranInFull(run)
  const { delta, tokens, probeTokens } = stops[index]!
  return { tokens, probeTokens, em: (run.em - delta) as Ending['em'], isStopped: tokens < run.tokens }
}
