import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { ProbeForm } from '../../../src/core/decide/probe-form.js'
import type { EngineRun, ReasoningPrefix } from '../../../src/proxy/dialects/dialect.js'
import { ProxiedGeneration, SampleFailedError, type GenerationEnd } from '../../../src/proxy/generation/generation.js'
import type { Piece, PieceReader } from '../../../src/proxy/protocol/openai-chunks.js'
import { readStopgateHeaders } from '../../../src/proxy/protocol/stopgate-headers.js'
import { readStoppableRequest, type StoppableRequest } from '../../../src/proxy/protocol/stoppable-request.js'
import { ReplyBody } from '../../../src/proxy/protocol/upstream.js'
import type { LocalDecider } from '../../../src/proxy/service-link/local-decider.js'
import { until } from '../../helper.js'
import { CHAT, PINNED, startUnderTest } from '../proxy-under-test.js'

t.test('a model that does not reason is neither probed nor reported', async (t) => {
  const { ask, metric } = await startUnderTest(t, { reasoning: '', answer: 'an answer that is longer than any check would need it to be, but no thought' })
  t.match(await (await ask()).json(), { stopgate: { arm: null, stopped: false } })
  t.equal(await metric('stopgate_proxy_generations_total{arm="none",end="no_reasoning"}'), 1)
  t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), 0)
})

t.test('many simultaneous streams are independent', async (t) => {
  const { ask, metric } = await startUnderTest(t)
  const replies = await Promise.all(Array.from({ length: 64 }, async (_, i) => {
    const body = { ...CHAT, messages: [{ role: 'user', content: `prompt ${i}` }] }
    return (await (await ask(body, { 'x-stopgate-gold': '42' })).json() as any).stopgate.generation_id
  }))
  t.equal(new Set(replies).size, 64)
  await until('all are reported', async () => await metric('stopgate_proxy_reports_reported') === 64)
  t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
})

t.test('a probe that the end of the reasoning overtakes is aborted, and its tokens are reported in both arms', async (t) => {
  const { ask, upstream, metric, service, treated } = await startUnderTest(t, { pauseAt: 40, holdProbes: true }, { PROXY_PROBE_TOKENS: '7' })
  const replies = [ask(), ask(CHAT, treated)]
  const probes = () => upstream.requests.filter(({ path }) => path === '/v1/completions').length
  await until('both are probed', () => probes() === 2)
  upstream.release()
  const stopgate = (await Promise.all(replies.map(async (reply) => await (await reply).json() as any))).map(({ stopgate }) => stopgate)
  t.match(stopgate, [{ arm: 'control', stopped: false, probe_tokens: 7 }, { arm: 'treated', stopped: false, probe_tokens: 7 }])
  await until('the probes are aborted', () => upstream.aborted() === 2)
  t.equal(await metric('stopgate_proxy_probes_total{end="late"}'), 2)
  t.equal(await metric('stopgate_proxy_probe_tokens_total'), 14)
  for (const key of ['model=m,task=-', PINNED]) {
    const context = await until('the service has its outcome', async () => {
      const { body } = await service.send('GET', `/v1/contexts/${key}`)
      return body.tokens?.probes > 0 && body
    })
    t.match(context, { tokens: { probes: 7, saved: -7 } }, key)
  }
})

const FORM: ProbeForm = { name: 'plain', suffix: 'Final answer:', before: '', after: '', tokens: 16 }

interface Start { readonly inForce?: ProbeForm, readonly arm?: 'treated' | null, readonly clientGone?: AbortSignal }

interface Played {
  readonly draws: () => number
  readonly answered: ReasoningPrefix[]
  readonly written: string[]
  readonly ends: GenerationEnd[]
  readonly outcomes: object[]
  readonly aborts: () => number
}

/**
 * Serves a generation that is stopped at its first check, at ten tokens of reasoning. Twelve come at once, and five more while the engine
 * is asked for the answer.
 * @param answer accepts the stop, or refuses it
 * @param breaks whether the engine's own stream then breaks off; otherwise it closes the reasoning
 * @param start the form in force at the first check, and the arm before it
 */
async function playStop (answer: () => PieceReader, breaks: boolean, { inForce = FORM, arm = 'treated', clientGone = new AbortController().signal }: Start = {}): Promise<Played> {
  let draws = 0
  const [answered, written, ends, outcomes]: [ReasoningPrefix[], string[], GenerationEnd[], object[]] = [[], [], [], []]
  const none = () => {}
  const controller = { pause: none, resume: none, abort: none, aborted: false, paused: false, reason: null }
  let aborts = 0
  let onAsked = none
  let onHeld = none
  const asked = new Promise<void>((resolve) => { onAsked = resolve })
  const held = new Promise<void>((resolve) => { onHeld = resolve })
  const run: EngineRun = {
    reply: { status: 200, headers: [], body: new ReplyBody(controller) },
    reasoningField: 'reasoning',
    emptyContent: null,
    hasIds: true,
    hasPauses: false,
    pieces: () => async (take) => {
      await take(Array.from('0123456789xy', (reasoning) => pieceOf({ reasoning })))
      await asked
      await take(Array.from('abcde', (reasoning) => pieceOf({ reasoning })))
      onHeld()
      await setImmediate()
      if (breaks) throw new Error('broke off')
      await take([pieceOf({ content: 'full', finish: 'stop' })])
    },
    isOpened: () => false,
    promptTokens: () => 3,
    probe: async () => ({ text: '42', logprobs: [0], tokens: 1, promptTokens: null, cachedTokens: null }),
    async answer (prefix) {
      answered.push(prefix)
      onAsked()
      await held
      return answer()
    },
    abort () { aborts++ },
  }
  const generation = new ProxiedGeneration({
    run,
    request: readStoppableRequest('chat', '/', { model: 'm', messages: [{}] }, readStopgateHeaders({}), 0) as StoppableRequest,
    local: { id: 'g', group: 'g', prompt: 'p', context: {}, arm },
    form: FORM,
    reply: {
      pass: ({ reasoning, content }) => { written.push(reasoning + content) },
      cut: (tokens) => { written.push(`cut ${tokens} `) },
      write: (content) => { written.push(content) },
      end: (finish, usage, { tokens, discarded_tokens: discarded }) => {
        written.push(`end ${finish} ${JSON.stringify(usage?.json ?? null)} ${tokens} ${discarded}`)
      },
      fail: () => { written.push('failed') },
      sendTogether: (work) => { work() },
      drained: () => null,
    },
    dependencies: {
      decider: {
        isLeftAlone: () => false,
        nextCheck: (_local, tokens) => tokens < 10 ? 10 : Infinity,
        draw: () => { draws++ },
        decide: () => ({ decision: 'stop', threshold: 0.9, score: 0.9 }) as ReturnType<LocalDecider['decide']>,
      },
      metrics: {
        ended: (_arm, end) => { ends.push(end) },
        aborted: none,
        stopFailed: none,
        generated: none,
        probed: none,
        startHandling: () => null,
        handled: none,
      },
      report: (outcome) => { outcomes.push(outcome) },
      forms: { formFor: () => inForce, claims: () => false, tried: () => null, failed: none, asksAtEnd: () => false },
      onFound: none,
      tags: { open: '<think>', close: '</think>' },
      mayProbe: () => true,
      onProbing: none,
      probeTimeoutMs: 60_000,
      sendsPrompts: false,
      maxProbeTokens: 16,
    },
    clientGone,
  })
  await generation.serve()
  return { draws: () => draws, answered, written, ends, outcomes, aborts: () => aborts }
}

function pieceOf ({ reasoning = '', content = '', finish = null }: { reasoning?: string, content?: string, finish?: string | null }): Piece {
  const ids = reasoning === '' ? [] : [reasoning.charCodeAt(0)]
  return { tokens: 1, ids, reasoning, content, finish, isClosing: false, usage: null, isWithoutChoices: false, chunk: {}, text: null }
}

const accept = (): PieceReader => async (take) => { await take([pieceOf({ content: '42', finish: 'stop' })]) }
const refuse = (): PieceReader => { throw new Error('refused') }

t.test('a stop that the engine accepts drops the held pieces and writes the answer to the probed prefix, even if the aborted stream breaks off', async (t) => {
  for (const breaks of [true, false]) {
    const { answered, written, ends, outcomes, aborts } = await playStop(accept, breaks)
    t.match(answered, [{ tokens: 10, ids: Array.from('0123456789', (char) => char.charCodeAt(0)) }])
    const discarded = 2 + 5 + (breaks ? 0 : 1) // shown, held, and come too late
    const reasoning = 10 + discarded
    const usage = `"completion_tokens":${reasoning + 1},"total_tokens":${reasoning + 4},"completion_tokens_details":{"reasoning_tokens":${reasoning}}`
    t.same(written, [...'0123456789xy', 'cut 10 ', '42', `end stop {"prompt_tokens":3,${usage}} ${reasoning + 1} ${discarded}`])
    t.same([ends, aborts()], [['stopped'], 1])
    t.match(outcomes, [{ tokens: reasoning + 1, stopped: true, stopped_probe: { tokens: 10, answer: '42' }, answer: '42', answer_tokens: 1 }])
  }
})

t.test('a stop that the engine refuses passes the held pieces on, and the generation runs to its end', async (t) => {
  const { written, ends, outcomes, aborts } = await playStop(refuse, false)
  t.same(written, [...'0123456789xyabcde', 'full', 'end null null 18 0'])
  t.same([ends, aborts()], [['finished'], 0])
  t.match(outcomes, [{ tokens: 18, stopped: false, stopped_probe: undefined, answer: 'full' }])
})

t.test('if the stream breaks off and the engine refuses the stop, the reply breaks off after the held pieces', async (t) => {
  const { written, ends, outcomes } = await playStop(refuse, true)
  t.same(written, [...'0123456789xyabcde', 'failed'])
  t.same([ends, outcomes], [['broken'], []])
})

t.test('only a generation whose client has gone is reported as cancelled', async (t) => {
  const playEnd = async (reason?: Error) => {
    const gone = new AbortController()
    const { ends, outcomes } = await playStop(() => {
      gone.abort(reason)
      return refuse()
    }, true, { clientGone: gone.signal })
    return [ends, outcomes]
  }
  t.match(await playEnd(), [['cancelled'], [{ cancelled: true }]])
  t.same(await playEnd(new SampleFailedError()), [['broken'], []], 'not one that ends with another sample of its request')
})

t.test('a generation whose form is replaced before its first check is not drawn', async (t) => {
  t.equal((await playStop(accept, false, { arm: null })).draws(), 1)
  t.equal((await playStop(accept, false, { arm: null, inForce: { ...FORM, tokens: 3 } })).draws(), 0)
  t.equal((await playStop(accept, false, { inForce: { ...FORM, tokens: 3 } })).draws(), 1, 'once drawn, it keeps the form that it began with')
})
