import { randomUUID } from 'node:crypto'
import { decide, placeArm, type Decision } from '../../core/decide/decide.js'
import { ruleFor, type Rule, type Snapshot } from '../../core/decide/snapshot.js'
import type { Arm } from '../../core/assignment/arm.js'
import { nextCheckTokens } from '../../core/policy/cadence.js'
import type { Context } from '../../core/policy/context.js'
import { enrolDraw } from '../../decisions/enrol-step.js'
import type { Asked } from '../asked.js'
import type { EnrolmentSender } from './enrolment-sender.js'

/** A generation that this process decides about. */
export interface Decided {
  readonly id: string
  readonly group: string
  readonly context: Context
  /** Drawn at its first check. */
  arm: Arm | null
}

export interface Begun {
  readonly one: Decided
  /** The levels that the service knows. */
  readonly levels: readonly string[]
  /** The levels that the client stated and the service does not know. */
  readonly unknown: readonly string[]
}

export interface DecidedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>>
}

/** Decides by the service's own code from its rules, in this process. */
export class LocalDecider {
  readonly #snapshot: () => Snapshot | null
  readonly #enrolments: Pick<EnrolmentSender, 'add'>

  constructor (snapshot: () => Snapshot | null, enrolments: Pick<EnrolmentSender, 'add'>) {
    this.#snapshot = snapshot
    this.#enrolments = enrolments
  }

  /** Why nothing is decided in a context; `null`: it is. */
  refusal (context: Context): 'service_away' | 'mode_off' | null {
    const snapshot = this.#snapshot()
    if (snapshot === null || snapshot.salt === null) return 'service_away'
    return ruleFor(snapshot, context).mode === 'off' ? 'mode_off' : null
  }

  /**
   * A new generation, with the levels that the service knows of its context. Call it in the same turn as `refusal`, so that both see one
   * snapshot.
   */
  begin ({ context, stated, group }: Pick<Asked, 'context' | 'stated' | 'group'>): Begun {
    const levels = this.#snapshot()?.levels ?? []
    const known = levels.flatMap((level) => Object.hasOwn(context, level) ? [[level, context[level]] as const] : [])
    const one = { id: `proxy-${randomUUID()}`, group, context: Object.fromEntries(known), arm: null }
    return { one, levels, unknown: stated.filter((level) => !levels.includes(level)) }
  }

  /** When to ask next; never while the circuit is open. */
  nextCheck ({ context }: Decided, tokens: number): number {
    const rule = this.#rule(context)
    return rule === null ? Infinity : nextCheckTokens(rule, tokens)
  }

  /** Draws the arm and enrols the generation, at its first check and before anything is known about it. */
  draw (one: Decided, tokens: number): void {
    const snapshot = this.#snapshot()
    if (one.arm !== null || snapshot === null) return
    const rule = ruleFor(snapshot, one.context)
    one.arm = placeArm(snapshot.salt, rule, one.group)
    if (snapshot.salt === null) return
    const enrol = () => { this.#enrolments.add(one.context, rule.epoch, rule.controlShare, { generation_id: one.id, group_id: one.group }) }
    enrolDraw({ enrol }, snapshot, rule, { id: one.group, tokens, context: one.context })
  }

  /** `null` while the circuit is open: go on. */
  decide (one: Decided, step: DecidedStep): Decision | null {
    const snapshot = this.#snapshot()
    if (snapshot === null || one.arm === null) return null
    return decide(snapshot, 'fresh', { ...step, context: one.context, arm: one.arm, generation_id: one.id, group_id: one.group })
  }

  #rule (context: Context): Rule | null {
    const snapshot = this.#snapshot()
    return snapshot === null ? null : ruleFor(snapshot, context)
  }
}
