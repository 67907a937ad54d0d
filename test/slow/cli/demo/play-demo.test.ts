import t from 'tap'
import type { Score } from '../../../../src/cli/demo/demo-fleet.js'
import { MODELS, REPLACEMENT } from '../../../../src/cli/demo/demo.js'
import { playDemo, type DemoEvent } from '../../../../src/cli/demo/play-demo.js'
import { scaledTimes } from '../../../../src/core/evidence/enrolment-list.js'
import { build } from '../../../helper.js'

const brief = { medianSteps: 8, step: { drift: 1, deviation: 0.2 } }
const model = { ...MODELS[0]!, ...brief }
const replacement = { ...REPLACEMENT, ...brief }
const POLICY = JSON.stringify({ follow_up_seconds: 2, evidence_span_seconds: 0, control_rate: 0.5 })

t.test('a model is certified, replaced, detected and certified again', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: POLICY, POLL_SECONDS: '0.05' }, undefined, { times: scaledTimes(0.1) })
  const client = { send: async (method: 'GET' | 'POST', path: string, body?: unknown) => (await send(method, path, body)).body }
  const told: DemoEvent[] = []
  const { signal } = new AbortController()
  const { first, total, certifiedSeconds, part } = await playDemo({
    client, seed: 1, models: [model], replacement, width: 32, stepMs: 0, stretch: 150, signal, onEvent: (event) => { told.push(event) },
  })
  t.equal(part, 'recertified')
  t.ok(certifiedSeconds > 0)
  const share = ({ control, generations }: Score) => control / generations
  t.ok(share(first.learning) > share(first.certified), 'all are control before the first certificate, which is seen a moment later')
  t.ok(first.certified.treated > 0)
  t.ok(first.drifted.lost / first.drifted.treated > 0.02, 'what was stopped after the replacement lost more than the bound')
  t.equal(total.generations, Object.values(first).reduce((sum, { generations }) => sum + generations, 0))
  const events = told.flatMap((event) => event.type === 'changed' ? event.change : event.type === 'replaced' ? { cause: event.type, after: null } : [])
  const [replaced, alarm, ...others] = events.filter(({ cause }) => cause !== 'evidence')
  t.strictSame([replaced!.cause, others], ['replaced', []])
  t.match(alarm!.cause, /^(drift|breach)$/, 'control generations or fidelity show it first')
  const later = events.slice(events.indexOf(alarm!) + 1)
  t.ok(later.some(({ cause, after }) => cause === 'evidence' && after !== null), 'a threshold is certified after the alarm')
})

t.test('every change is reported once, however long the history gets', async (t) => {
  const stop = new AbortController()
  const history: Array<{ key: string, before: null, after: number }> = [] // newest first
  const client = {
    async send (_method: string, path: string) {
      if (!path.startsWith('/v1/history')) return { decisions: [{ decision: 'continue', arm: 'control', probe: false }] }
      for (let i = 0; i < 300; i++) history.unshift({ key: 'model=x', before: null, after: history.length })
      if (history.length === 1200) stop.abort()
      return { changes: history.slice(0, Number(/limit=(\d+)/.exec(path)![1])) }
    },
  }
  const told: Array<number | null> = []
  const onEvent = (event: DemoEvent) => { if (event.type === 'changed') told.push(event.change.after) }
  await playDemo({ seed: 1, models: [model], replacement, width: 1, stepMs: 0, stretch: 1, client, signal: stop.signal, onEvent })
  t.strictSame(told, Array.from({ length: 1200 }, (_, i) => i))
})

t.test('a signal ends the demo', async (t) => {
  const stop = new AbortController()
  const client = {
    async send (_method: string, path: string) {
      stop.abort()
      return path.startsWith('/v1/history') ? { changes: [] } : { decisions: [{ decision: 'continue', arm: 'control', probe: false }] }
    },
  }
  const quick = { seed: 1, models: [model], replacement, width: 1, stepMs: 0, stretch: 1 }
  const result = await playDemo({ ...quick, client, signal: stop.signal, onEvent: () => {} })
  t.equal(result.part, 'learning')
})
