import { once } from 'node:events'
import t from 'tap'
import { createLiveEvents, MAX_CLIENTS } from '../../src/live/live-events.js'
import { until } from '../helper.js'
import type { ContextState } from '../../src/core/judgement/context-state.js'

type Services = Parameters<typeof createLiveEvents>[0]
const linkOf = (threshold: number | null) => ({ threshold, policy: { mode: 'enforce', max_em_drop: 0.02 }, warnings: [] })

function playground () {
  const state = { version: 1, links: new Map([['*', linkOf(null)], ['model=q', linkOf(null)]]), generations: 0, reads: 0 }
  const services = {
    service: { model: () => ({ snapshot: { version: state.version }, links: state.links }) },
    store: {
      readContexts: async (keys: string[]) => {
        state.reads++
        return new Map(keys.map((key) => [key, { generations: state.generations } as ContextState]))
      },
    },
  } as unknown as Services
  return { state, live: createLiveEvents(services, 2) }
}

t.test('a moved threshold and moved counts are told apart; links that were only read anew are no change', async (t) => {
  const { state, live } = playground()
  t.teardown(live.close)
  let text = ''
  live.open('*').on('data', (piece) => { text += String(piece) })
  await until('it looks', () => state.reads > 1)
  state.links = new Map([['*', linkOf(null)], ['model=q', linkOf(0.9)]])
  state.version = 2
  await until('the threshold is told', () => /"model_version":2,"contexts":\["model=q"\],"contexts_changed":1,"counts_changed":false/.test(text))
  state.generations = 5
  await until('the counts are told', () => /"contexts":\[\],"contexts_changed":0,"counts_changed":true/.test(text))
})

t.test('nothing is read while nobody listens, and streams are bounded', async (t) => {
  const { state, live } = playground()
  const streams = Array.from({ length: MAX_CLIENTS }, () => live.open('*'))
  t.throws(() => live.open('*'), { code: 'TOO_MANY_STREAMS', statusCode: 503 })
  await Promise.all(streams.map((stream) => once(stream.destroy(), 'close')))
  const { reads } = state
  const later = live.open('model=q')
  await until('it looks again', () => state.reads > reads)
  live.close()
  const ended = live.open('*')
  for (const stream of [later, ended]) await until('it ends', () => { stream.read(); return stream.readableEnded })
})
