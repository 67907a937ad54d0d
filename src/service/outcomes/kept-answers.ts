import { type Static, type TSchema, Type } from '#typebox'
import { type LoggedOutcome, rememberingNormaliser, type ReportedOutcome } from '../../core/outcome/index.js'
import type { Policy } from '../../core/policy/index.js'
import type { ScoredBy } from '../../core/decide/index.js'
import { pruneSteps } from '../../core/learn/index.js'
import { check, number, text } from '../../store/encoding/stored-schemas.js'
import { textBatchOf } from '../../store/event-store.js'
import type { Store } from '../../store/store.js'
import { StoreUnavailableError } from '../../store/store-errors.js'

const optional = <S extends TSchema>(schema: S) => Type.Optional(schema)

const KeptSchema = Type.Object({
  /** The final answer; of a stopped generation, the served one. Absent: the outcome came without it. */
  answer: optional(text),
  /** Answers of steps that differ from it, each text once, with the steps that gave it; of a stop, the probed answer, without steps. */
  early: Type.Array(Type.Object({ answer: text, steps: Type.Array(number) })),
  /** Number of steps that the outcome has. */
  steps: number,
  /** Where the policy stores prompts. */
  prompt: optional(text),
  /** When the follow-up ends in which its label counts, ms. */
  until: number,
})

/** The texts that a grader needs, kept until the label comes. */
export type KeptAnswers = Readonly<Static<typeof KeptSchema>>

const isKept = check(KeptSchema)

/**
 * The texts that a grader needs to label an outcome. Of the steps, only those count at which some threshold is first crossed.
 * @param entry the same outcome as it is logged, with all steps that were asked
 */
export function answersToKeep (
  outcome: ReportedOutcome, entry: LoggedOutcome, policy: Pick<Policy, 'min_tokens' | 'store_prompts' | 'follow_up_seconds'>,
  scorer: ScoredBy, now: number
): KeptAnswers {
  const { answer, prompt, stopped_probe: probe } = outcome
  return {
    ...(answer !== undefined && { answer }),
    early: probe === undefined ? differing(outcome, entry, policy, scorer) : ofProbe(probe),
    steps: entry.steps?.length ?? 0,
    ...(policy.store_prompts && prompt !== undefined && { prompt }),
    until: now + policy.follow_up_seconds * 1000,
  }
}

function ofProbe ({ answer }: NonNullable<ReportedOutcome['stopped_probe']>): KeptAnswers['early'] {
  return answer === undefined ? [] : [{ answer, steps: [] }]
}

function differing (
  { answer: final = '', steps = [] }: ReportedOutcome, entry: LoggedOutcome, { min_tokens: min }: Pick<Policy, 'min_tokens'>,
  scorer: ScoredBy
): KeptAnswers['early'] {
  const { steps: crossings } = pruneSteps(entry, { minTokens: [min], scorer, isSampled: false })
  const normalise = rememberingNormaliser()
  const byText = new Map<string, { answer: string, steps: number[] }>()
  for (const { place = 0 } of crossings ?? []) {
    const { answer, em } = steps[place]!
    if (answer === undefined || em !== undefined) continue
    const normalised = normalise(answer)
    if (normalised !== '' && normalised === normalise(final)) continue
    if (!byText.has(normalised)) byText.set(normalised, { answer, steps: [] })
  }
  for (const [place, { answer, em }] of steps.entries()) {
    if (answer !== undefined && em === undefined) byText.get(normalise(answer))?.steps.push(place)
  }
  return [...byText.values()]
}

interface AnswerServices { readonly store: { readonly answers: Pick<Store['answers'], 'append' | 'read' | 'forget'> } }

/**
 * Keeps the texts of outcomes whose label is wanted. If the store is down it keeps none, and their labels will be missing: the outcomes
 * themselves are stored already.
 */
export async function keepAnswers (
  { store }: AnswerServices, kept: ReadonlyArray<readonly [id: string, answers: KeptAnswers]>): Promise<void> {
  if (kept.length === 0) return
  await unlessDown(store.answers.append(textBatchOf(kept.map(([id, answers]) => [id, JSON.stringify(answers)]))))
}

/** Forgets the texts of a generation whose label has come. If the store is down, they expire. */
export async function forgetAnswers ({ store }: AnswerServices, id: string): Promise<void> { await unlessDown(store.answers.forget([id])) }

async function unlessDown (write: Promise<unknown>): Promise<void> {
  try { await write } catch (error) { if (!(error instanceof StoreUnavailableError)) throw error }
}

/** The texts by generation id; those that are gone or damaged are absent. */
export async function readAnswers ({ store }: AnswerServices, ids: readonly string[]): Promise<Map<string, KeptAnswers>> {
  const texts = await store.answers.read(ids)
  return new Map([...texts].flatMap(([id, [first = '']]) => {
    const kept = decoded(first)
    return kept === null ? [] : [[id, kept] as const]
  }))
}

function decoded (text: string): KeptAnswers | null {
  try {
    const value: unknown = JSON.parse(text)
    return isKept(value) ? value as KeptAnswers : null
  } catch { return null }
}
