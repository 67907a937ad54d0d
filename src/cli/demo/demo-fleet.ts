import type { Arm, Decision, Step } from '../../core/decide/index.js'
import type { ReportedOutcome } from '../../core/outcome/index.js'
import type { HttpClient } from '../command-line/http-client.js'
import { simulateGeneration, type Profile, type SimulatedGeneration } from '../traces/simulated-generation.js'
import type { Random } from '../traces/seeded-random.js'

/** Costs and losses of some generations. Losses are sums of true chances, which are unknown for real models. */
export interface Score {
  readonly generations: number
  readonly control: number
  readonly treated: number
  /** Tokens that full runs would have taken, and tokens that were spent, probes included. */
  readonly fullTokens: number
  readonly tokens: number
  /** Sum over treated generations of how much stopping lowered the chance of a right answer. */
  readonly lost: number
}

export const EMPTY_SCORE: Score = { generations: 0, control: 0, treated: 0, fullTokens: 0, tokens: 0, lost: 0 }

export function addScores (a: Score, b: Score): Score {
  return {
    generations: a.generations + b.generations,
    control: a.control + b.control,
    treated: a.treated + b.treated,
    fullTokens: a.fullTokens + b.fullTokens,
    tokens: a.tokens + b.tokens,
    lost: a.lost + b.lost,
  }
}

/** Share of the tokens of full runs that was saved, net of probes. */
export const savedRatio = ({ fullTokens, tokens }: Score): number => fullTokens === 0 ? 0 : 1 - tokens / fullTokens

/** True EM drop of the treated generations. */
export const trueEmDrop = ({ treated, lost }: Score): number => treated === 0 ? 0 : lost / treated

type ReportedStep = NonNullable<ReportedOutcome['steps']>[number]

/** A generation under way. */
interface Slot {
  readonly model: number
  readonly id: string
  readonly run: SimulatedGeneration
  arm: Arm | null
  /** Index of the next step to ask about. */
  at: number
  /** Highest confidence at which an answer was forced. */
  probedScore: number | null
  /** Tokens spent on forced answers. */
  probeTokens: number
  readonly steps: ReportedStep[]
}

/** The fields of the reply to a batch that the fleet uses. */
interface Reply { readonly decisions: ReadonlyArray<Pick<Decision, 'decision' | 'arm' | 'probe'>> }

interface FleetOptions {
  readonly client: Pick<HttpClient, 'send'>
  readonly random: Random
  /** The models, one for each context. */
  readonly models: readonly Profile[]
  /** Generations of each model at a time. */
  readonly width: number
  readonly onEnd: (model: number, score: Score) => void
}

/** Simulated inference engines: they ask about all their generations in one request per step, stop as told, and report outcomes. */
export function createFleet ({ client, random, models, width, onEnd }: FleetOptions) {
  const profiles = [...models]
  let started = 0
  const start = (model: number): Slot => ({
    model, id: `demo-${++started}`, run: simulateGeneration(random, profiles[model]!), arm: null, at: 0, probedScore: null, probeTokens: 0, steps: [],
  })
  const slots = profiles.flatMap((_, model) => Array.from({ length: width }, () => start(model)))

  /** The steps to ask about: the next one of every generation. */
  function steps (): Step[] {
    return slots.map(({ model, id, run, at, arm, probedScore }) => {
      const { tokens, confidence } = run.steps[at]!
      const { context } = models[model]!
      return { context, generation_id: id, ...(arm !== null && { arm }), tokens, confidence, probed_score: probedScore }
    })
  }

  /** Forces an answer on the side if the service wants it, and goes on. */
  function advance (slot: Slot, { arm, probe: isProbed }: Reply['decisions'][number]): void {
    slot.arm ??= arm
    const { tokens, confidence, em } = slot.run.steps[slot.at]!
    const { answerTokens } = profiles[slot.model]!
    if (isProbed) {
      slot.probedScore = confidence
      slot.probeTokens += answerTokens
    }
    if (arm === 'control') slot.steps.push({ tokens, confidence, ...(isProbed && { em, probe_tokens: answerTokens }) })
    slot.at++
  }

  /** Ends a generation. @param stop the step at which it was stopped; absent: it ran in full */
  function end (slot: Slot, stop?: SimulatedGeneration['steps'][number]): ReportedOutcome {
    const { model, id, run, arm, steps, probeTokens } = slot
    const { context, answerTokens } = profiles[model]!
    const tokens = stop === undefined ? run.tokens : Math.min(stop.tokens + answerTokens, run.tokens)
    const isControl = arm === 'control'
    onEnd(model, {
      generations: 1,
      control: isControl ? 1 : 0,
      treated: isControl ? 0 : 1,
      fullTokens: run.tokens,
      tokens: tokens + probeTokens,
      lost: stop === undefined ? 0 : run.chance - stop.chance,
    })
    const known = { generation_id: id, samples: 1, arm: arm!, context, tokens, answer_tokens: answerTokens, steps_asked: slot.at }
    if (stop === undefined) return { ...known, em: run.em, ...(isControl && { steps }) }
    return { ...known, em: stop.em, stopped: true, stopped_probe: { tokens: stop.tokens, em: stop.em } }
  }

  return {
    /** Replaces a model for generations that start from now on, by another profile of the same context. */
    replace (model: number, profile: Profile) { profiles[model] = profile },
    /** Advances every generation by one step. */
    async step () {
      const { decisions } = await client.send('POST', '/v1/decisions/batch', { steps: steps() }) as Reply
      const outcomes: ReportedOutcome[] = []
      for (const [row, slot] of slots.entries()) {
        const step = slot.run.steps[slot.at]!
        const decision = decisions[row]!
        advance(slot, decision)
        if (decision.decision === 'stop') outcomes.push(end(slot, step))
        else if (slot.at === slot.run.steps.length) outcomes.push(end(slot))
        else continue
        slots[row] = start(slot.model)
      }
      if (outcomes.length > 0) await client.send('POST', '/v1/outcomes/batch', { outcomes })
    },
  }
}
