import type { PredictorCommand } from '../core/learn/log-entry.js'
import type { PolicyPatch } from '../core/policy/policy.js'
import { isoTime, pinToWire, type WirePin } from '../wire/to-wire.js'
import type { AuditRow, Store } from '../store/store.js'
import type { Pin } from '../core/judgement/pin.js'

/** A command as `GET /v1/audit` shows it. */
export interface AuditView {
  readonly id: string
  readonly time: string
  readonly by: string
  readonly type: 'policy' | 'pin' | 'reset' | 'predictor' | 'unreadable'
  /** Context key; `null` for a predictor, which belongs to no single context, and for an unreadable row. */
  readonly key: string | null
  readonly reason: string | null
  /** What the command put in force; `null` where it removed what was there; absent for other commands. */
  readonly policy?: PolicyPatch | null
  readonly pin?: WirePin | null
  /** The predictor, and what was done with it. */
  readonly predictor?: Pick<PredictorCommand, 'name' | 'action'>
  readonly replaced: PolicyPatch | WirePin | null
  readonly version: number
}

export function auditView ({ id, time, version, command, replaced }: AuditRow): AuditView {
  const { type, by, reason = null } = command
  const key = 'key' in command ? command.key : null
  const row = { id, time: isoTime(time), by, type, key, reason, version }
  switch (command.type) {
    case 'policy': return { ...row, policy: command.policy, replaced: replaced as PolicyPatch | null }
    case 'pin': return { ...row, pin: pinToWire(command.pin), replaced: pinToWire(replaced as Pin | null) }
    case 'reset': case 'unreadable': return { ...row, replaced: null }
    case 'predictor': return { ...row, predictor: { name: command.name, action: command.action }, replaced: null }
  }
}

/** A page of the audit trail, newest first. @returns `next` is the id to pass as `before` for the next page, `null` at the end */
export async function auditPage (store: Store, limit: number, before?: string): Promise<{ commands: AuditView[], next: string | null }> {
  const rows = await store.audit(limit + 1, before)
  const commands = rows.slice(0, limit).map(auditView)
  return { commands, next: rows.length > limit ? commands.at(-1)!.id : null }
}
