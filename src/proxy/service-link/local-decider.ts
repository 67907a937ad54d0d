import { createHmac, randomUUID } from 'node:crypto'
import {
  type Arm, armOfDraw, type ContextRule, decide, type Decision, drawOf, enrolDraw, isLeftAlone, type ProbeForm, ruleFor, type Snapshot,
} from '../../core/decide/index.js'
import { type Context, contextKey, nextCheckTokens } from '../../core/policy/index.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { EnrolmentSender } from './enrolment-sender.js'

/** A generation about which this process decides. */
export interface LocalGeneration {
  readonly id: string
  /** `null`: its client states none, and the prompt stands for it. */
  readonly group: string | null
  readonly prompt: string
  readonly context: Context
  /** Drawn at the first check; `null` before it. */
  arm: Arm | null
}

export interface StartResult {
  readonly generation: LocalGeneration
  /** The levels that the service knows. */
  readonly knownLevels: readonly string[]
  /** The levels that the client stated and the service does not know. */
  readonly unknownLevels: readonly string[]
}

/** How answers are forced in a context, by the rules. */
export interface FormInForce {
  /** Key of the context that certifies, as far as the rules say. */
  readonly key: string
  /** `null`: no form fits; absent: no worker has searched for one. */
  readonly form?: ProbeForm | null | undefined
}

/** The result of a probe. */
interface ProbedStep {
  readonly tokens: number
  /** The check that was due. */
  readonly due_tokens?: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>>
}

/** Decides in this process, by the service's rules and its own code. */
export class LocalDecider {
  readonly #snapshot: () => Snapshot | null
  readonly #enrolments: Pick<EnrolmentSender, 'add'>

  constructor (snapshot: () => Snapshot | null, enrolments: Pick<EnrolmentSender, 'add'>) {
    this.#snapshot = snapshot
    this.#enrolments = enrolments
  }

  /** Why no decisions are made in a context; `null`: they are. */
  refusal (context: Context): 'service_away' | 'mode_off' | null {
    const snapshot = this.#snapshot()
    if (snapshot === null || snapshot.salt === null) return 'service_away'
    return ruleFor(snapshot, context).mode === 'off' ? 'mode_off' : null
  }

  /**
   * Starts a generation, with the levels of its context that the service knows. Call it in the same turn as `refusal`, so that both see
   * one snapshot.
   */
  start ({ context, statedLevels, group, prompt }: Pick<StoppableRequest, 'context' | 'statedLevels' | 'group' | 'prompt'>): StartResult {
    const { levels: knownLevels = [], salt = null } = this.#snapshot() ?? {}
    const values = knownLevels.flatMap((level) => {
      const value = Object.hasOwn(context, level) ? context[level] : undefined
      return value === undefined ? [] : [[level, value] as const]
    })
    const generation = { id: `proxy-${randomUUID()}`, group, prompt: keyedHash(salt ?? '', prompt), context: Object.fromEntries(values), arm: null }
    return { generation, knownLevels, unknownLevels: statedLevels.filter((level) => !knownLevels.includes(level)) }
  }

  /** How answers are forced in a context. */
  formInForce (context: Context): FormInForce {
    const snapshot = this.#snapshot()
    if (snapshot === null) return { key: '' }
    const { context: pool, probeForm: form } = ruleFor(snapshot, context)
    return { key: pool ?? contextKey(snapshot.levels, context), form }
  }

  /** Tokens at which the next check is due; never while the circuit is open. */
  nextCheck ({ context }: LocalGeneration, tokens: number): number {
    const rule = this.#rule(context)
    return rule === null ? Infinity : nextCheckTokens(rule, tokens)
  }

  /** Whether a generation needs no checks, since it is treated and nothing can stop it. */
  isLeftAlone ({ context, arm }: LocalGeneration): boolean {
    const rule = this.#rule(context)
    return rule !== null && isLeftAlone(rule, arm)
  }

  /** Draws the arm and enrols the generation, at its first check and before anything is known about it. */
  draw (generation: LocalGeneration, tokens: number): void {
    const snapshot = this.#snapshot()
    if (generation.arm !== null || snapshot === null) return
    const rule = ruleFor(snapshot, generation.context)
    const { id, group, prompt, context } = generation
    const u = drawOf(snapshot.salt, group ?? prompt)
    generation.arm = armOfDraw(rule, u)
    if (u === null) return
    const ids = { generation_id: id, ...(group === null ? { prompt_hash: prompt } : { group_id: group }) }
    const enrol = () => { this.#enrolments.add(context, rule.epoch, rule.controlShare, ids) }
    enrolDraw({ enrol }, snapshot, rule, { u, id: group ?? id, tokens, context })
  }

  /** `null` while the circuit is open: go on. */
  decide ({ id, group, context, arm }: LocalGeneration, step: ProbedStep): Decision | null {
    const snapshot = this.#snapshot()
    if (snapshot === null || arm === null) return null
    return decide(snapshot, 'fresh', { ...step, context, arm, generation_id: id, ...(group !== null && { group_id: group }) })
  }

  #rule (context: Context): ContextRule | null {
    const snapshot = this.#snapshot()
    return snapshot === null ? null : ruleFor(snapshot, context)
  }
}

/**
 * The hash of a prompt under a key that clients do not know. A few dozen replies, which show their arms, give the state of murmur3 behind
 * the salt away, and with it the arm of every prompt whose hash is known.
 */
function keyedHash (key: string, prompt: string): string { return createHmac('sha256', key).update(prompt).digest('hex').slice(0, 32) }
