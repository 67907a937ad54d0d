import type { PolicyPatch } from '../core/policy/policy.js'
import { isoTime, pinToWire } from '../wire/to-wire.js'
import type { AuditRow, Store } from '../store/store.js'
import type { Pin } from '../core/judgement/pin.js'

/**
 * A command as `GET /v1/audit` shows it. A predictor belongs to no single context, so its key is `null`; `policy` and `pin` are what the
 * command put in force, `null` where it removed what was there.
 */
export function auditView ({ id, time, version, command, replaced }: AuditRow) {
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
export async function auditPage (store: Store, limit: number, before?: string) {
  const rows = await store.audit(limit + 1, before)
  const commands = rows.slice(0, limit).map(auditView)
  return { commands, next: rows.length > limit ? commands.at(-1)!.id : null }
}
