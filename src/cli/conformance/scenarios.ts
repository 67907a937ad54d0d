import * as check from './checks.js'
import type { Check } from './checks.js'
import type { CallKind, Failure, Script } from './scripted-service.js'

export interface Scenario {
  readonly name: string
  readonly summary: string
  readonly script: Script
  readonly checks: readonly Check[]
}

/** How many calls of a kind fail, and for how long at least, ms: more than the two after which workers stop asking for a while. */
const FAILING_CALLS = 3
const FAILING_MS = 500

const atFirst = (failureOf: (kind: CallKind, count: number) => Failure | null) => (kind: CallKind, count: number, elapsedMs: number) =>
  count < FAILING_CALLS || elapsedMs < FAILING_MS ? failureOf(kind, count) : null

/** Replies that are none of the service's. */
const GARBAGE: readonly Failure[] = [
  { status: 200, body: '<html>Please sign in</html>', headers: { 'content-type': 'text/html' } },
  { status: 200, body: '{"decision": "sto' },
  { status: 200, body: '{}' },
  { status: 200, body: 'null' },
  { status: 200, body: '{"decision": 5, "decisions": [[]], "stop": "all", "contexts": null}' },
]

const unavailable = (status: number) => ({ status, body: '{"code": "UNAVAILABLE", "message": "conformance: try again"}' })

const INVALID: Failure = { status: 400, body: '{"code": "INVALID_INPUT", "message": "conformance: change the request"}' }

/** Replies to the first reports. */
const REFUSALS: readonly Failure[] = [
  { ...unavailable(429), headers: { 'retry-after': '0' } }, unavailable(503), 'lose',
]

const UNDER_FAILURE: readonly Check[] = [
  check.BEGINS, check.IS_VALID, check.REPORTS_ONCE, check.HAS_STEPS, check.STOPS_ONLY_THEN, check.ASKS_AGAIN,
]

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'steps',
    summary: 'the context is new, and its generations are control',
    script: {},
    checks: [
      check.BEGINS, check.IS_VALID, check.ASKS_FIRST, check.KEEPS_ARM, check.KEEPS_DUE, check.REPORTS_ONCE, check.STATES_ARM,
      check.HAS_STEPS, check.COUNTS_STEPS, check.IS_GRADED, check.MARKS_PROMPTS, check.STOPS_ONLY_THEN, check.LABELS, check.NO_WARNINGS,
    ],
  },
  {
    name: 'stops',
    summary: 'every treated generation is told to stop at its first confidence',
    script: { threshold: 0 },
    checks: [
      check.BEGINS, check.IS_VALID, check.KEEPS_ARM, check.STOPS, check.STOPS_ONLY_THEN, check.SENDS_STOPPED_PROBE, check.REPORTS_ONCE,
      check.NO_WARNINGS,
    ],
  },
  {
    name: 'rest',
    summary: 'generations are treated, and no threshold is in force',
    script: { treats: true },
    checks: [check.BEGINS, check.IS_VALID, check.RESTS, check.REPORTS_ONCE, check.STATES_ARM],
  },
  { name: 'away', summary: 'connections end without a reply', script: { failure: atFirst(() => 'close') }, checks: UNDER_FAILURE },
  {
    name: 'silent',
    summary: 'the service gets the calls, but does not reply',
    script: { failure: atFirst((kind) => kind === 'ask' ? 'hang' : null) },
    checks: [...UNDER_FAILURE, check.GIVES_UP],
  },
  {
    name: 'errors',
    summary: 'calls are answered with 503 and 500',
    script: { failure: atFirst((_, count) => unavailable(count % 2 === 0 ? 503 : 500)) },
    checks: UNDER_FAILURE,
  },
  {
    name: 'garbage',
    summary: 'calls for decisions get replies that are not of the service',
    script: { failure: atFirst((kind, count) => kind === 'ask' ? GARBAGE[count % GARBAGE.length]! : null) },
    checks: UNDER_FAILURE,
  },
  {
    name: 'refused',
    summary: 'the first reports get 429, 503, and no reply',
    script: { failure: (kind, count) => kind === 'report' ? REFUSALS[count] ?? null : null, failsOwnReports: true },
    checks: [check.BEGINS, check.IS_VALID, check.REPORTS_ONCE],
  },
  {
    name: 'invalid',
    summary: 'the first report is refused with 400',
    script: { failure: (kind, count) => kind === 'report' && count === 0 ? INVALID : null, failsOwnReports: true },
    checks: [check.BEGINS, check.CORRECTS],
  },
]
