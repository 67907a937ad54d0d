import type { Type } from '#typebox'
import type { AuditSchema } from '../../openapi/audit-schemas.js'
import type { ContextDetailSchema } from '../../openapi/context-schemas.js'
import type { FleetPageSchema, FleetSchema } from '../../openapi/fleet-schemas.js'
import type { GenerationSchema } from '../../openapi/generation-schemas.js'
import type { HistorySchema, ModelSchema, ReadySchema } from '../../openapi/model-schemas.js'
import type { PolicyReplySchema } from '../../openapi/policy-schemas.js'
import type { RunListSchema, RunSchema } from '../../openapi/training-run-schemas.js'
import type { TradeoffSchema } from '../../openapi/tradeoff-schemas.js'

/** Replies of the API. */
export type Fleet = Type.Static<typeof FleetSchema>
export type FleetPage = Type.Static<typeof FleetPageSchema>
export type ContextRow = FleetPage['contexts'][number]
export type ContextDetail = Type.Static<typeof ContextDetailSchema>
export type Tradeoff = Type.Static<typeof TradeoffSchema>
export type Generation = Type.Static<typeof GenerationSchema>
export type History = Type.Static<typeof HistorySchema>
export type Change = History['changes'][number]
export type Audit = Type.Static<typeof AuditSchema>
export type Model = Type.Static<typeof ModelSchema>
export type Ready = Type.Static<typeof ReadySchema>
export type PolicyReply = Type.Static<typeof PolicyReplySchema>
export type Policy = PolicyReply['effective']
export type RunList = Type.Static<typeof RunListSchema>
export type Run = Type.Static<typeof RunSchema>
export type Suite = Run['suites'][number]
