import { once } from 'node:events'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'

export const THINK = 900
export const END_THINK = 901

export interface Script {
  readonly reasoning?: string
  readonly answer?: string
  /** Of a forced answer, by the characters of the reasoning that it is forced behind. */
  readonly confidence?: (characters: number) => number
  /** The reasoning waits behind so many characters until it is ended or released. */
  readonly pauseAt?: number
  readonly failProbes?: boolean
  /** Probes are never answered. */
  readonly holdProbes?: boolean
  readonly failAnswers?: boolean
  /** The reasoning is not continued, as while llama.cpp loads its model. */
  readonly failContinuations?: boolean
  /** Whether streams have the reasoning in a field of its own. */
  readonly hasParser?: boolean
  readonly owner?: string
}

export interface StandIn {
  readonly url: string
  /** Paths and bodies of the requests so far. */
  readonly requests: Array<{ readonly path: string, readonly body: any, readonly headers: FastifyRequest['headers'] }>
  /** Streams and held probes that the other side has ended early. */
  readonly aborted: () => number
  /** Connections that have been opened to it. */
  readonly connections: () => number
  readonly release: () => void
}

/** Each character is a token, with its code as id. */
const idsOf = (text: string): number[] => text.split(/(<think>|<\/think>)/).flatMap((part) =>
  part === '<think>' ? [THINK] : part === '</think>' ? [END_THINK] : [...part].map((char) => char.charCodeAt(0)))
const textOf = (ids: readonly number[]) => ids.map((id) => id === THINK ? '<think>' : id === END_THINK ? '</think>' : String.fromCharCode(id)).join('')

/** A model server that says what its script says, in the manner of vLLM, SGLang or another. */
export async function startStandIn (t: Test, {
  reasoning = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two', answer = '42', confidence = () => 0.5,
  pauseAt = Infinity, failProbes = false, holdProbes = false, failAnswers = false, failContinuations = false, hasParser = true, owner = 'vllm',
}: Script = {}): Promise<StandIn> {
  const app = Fastify({ forceCloseConnections: true })
  const requests: StandIn['requests'] = []
  let aborted = 0
  let connections = 0
  app.server.on('connection', () => { connections++ })
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  app.addHook('preHandler', async ({ url, body, headers }) => { requests.push({ path: url, body: structuredClone(body), headers }) })
  app.get('/v1/models', async () => ({ object: 'list', data: [{ id: 'm', object: 'model', owned_by: owner, max_model_len: 1024 }] }))
  app.post('/tokenize', async ({ body }) => ({ tokens: idsOf((body as { prompt: string }).prompt), max_model_len: 1024 }))

  async function stream (reply: FastifyReply, chunks: Iterable<object>, pauseAt: number): Promise<void> {
    reply.hijack()
    const { raw } = reply
    const gone = once(raw, 'close')
    raw.once('close', () => { if (!raw.writableFinished) aborted++ })
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-engine': 'stand-in' })
    let sent = 0
    for (const chunk of chunks) {
      if (sent++ === pauseAt) await Promise.race([released, gone])
      if (raw.destroyed) return
      raw.write(`data: ${JSON.stringify(chunk)}\n\n`)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    raw.end('data: [DONE]\n\n')
  }

  const envelope = (object: string) => ({ id: 'gen-1', object, created: 1, model: 'm' })

  function * chatChunks (body: any): Iterable<object> {
    const of = (delta: object, ids: number[], finish: string | null = null, more: object = {}) =>
      ({ ...envelope('chat.completion.chunk'), choices: [{ index: 0, delta, finish_reason: finish, ...(body.return_token_ids && { token_ids: ids }) }], ...more })
    yield of({ role: 'assistant', content: '' }, [], null, body.return_token_ids && { prompt_token_ids: reasoning === '' ? [1, 2, 3] : [1, 2, 3, THINK] })
    for (const char of reasoning) yield of(hasParser ? { reasoning: char } : { content: char }, idsOf(char))
    if (!hasParser) yield of({ content: '</think>' }, [END_THINK])
    for (const [i, char] of [...answer].entries()) yield of({ content: char }, idsOf(char), i === answer.length - 1 ? 'stop' : null)
    yield usageChunk('chat.completion.chunk', body, 4, reasoning.length + 1 + answer.length)
  }

  function usageChunk (object: string, body: any, prompt: number, completion: number): object {
    const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
    return { ...envelope(object), choices: [], usage: body.stream_options?.include_usage ? usage : null }
  }

  app.post('/v1/chat/completions', async (request, reply) => {
    const body = request.body as any
    if (body.messages?.[0]?.content === 'refuse me') return await reply.code(400).send({ error: { message: 'refused' } })
    const message = { role: 'assistant', content: answer, reasoning }
    const last = body.messages.at(-1)
    const isForced = body.continue_final_message === true
    if (isForced && body.stream) {
      const choices = [...answer].map((content) => ({ index: 0, delta: { content }, finish_reason: null }))
      const deltas = choices.map((choice) => ({ ...envelope('chat.completion.chunk'), choices: [choice] }))
      await stream(reply, [...deltas, usageChunk('chat.completion.chunk', body, 4, answer.length)], Infinity)
      return
    }
    const content = [...answer].map(() => ({ logprob: Math.log(confidence(last.content.length)) }))
    const choice = { index: 0, message, finish_reason: 'stop', ...(isForced && { logprobs: { content } }) }
    if (!body.stream) return { ...envelope('chat.completion'), choices: [choice] }
    await stream(reply, chatChunks(body), pauseAt + 1)
  })

  app.post('/v1/completions', async (request, reply) => {
    const body = request.body as any
    const prompt: string = typeof body.prompt === 'string' ? body.prompt : textOf(body.prompt)
    const isForced = prompt.includes('</think>')
    if (!body.stream) {
      if (failProbes) return await reply.code(500).send({ error: { message: 'broken' } })
      if (holdProbes) {
        reply.hijack()
        await once(reply.raw, 'close')
        aborted++
        return
      }
      const logprob = Math.log(confidence(/<think>(.*?)\n?<\/think>/s.exec(prompt)![1]!.length))
      return {
        ...envelope('text_completion'),
        choices: [{ text: answer, logprobs: { token_logprobs: [...answer].map(() => logprob) } }],
        usage: { prompt_tokens: prompt.length, completion_tokens: answer.length, prompt_tokens_details: { cached_tokens: 16 } },
      }
    }
    if (failAnswers && isForced) return await reply.code(500).send({ error: { message: 'broken' } })
    const text = isForced ? answer : `${reasoning}</think>${answer}`
    const tokens = isForced ? [...answer] : [...reasoning, '</think>', ...answer]
    const promptIds = typeof body.prompt === 'string' ? idsOf(body.prompt) : body.prompt
    const chunks = tokens.map((token, i) => ({
      ...envelope('text_completion'),
      choices: [{
        index: 0,
        text: token,
        finish_reason: i === tokens.length - 1 ? 'stop' : null,
        ...(body.return_token_ids && { token_ids: idsOf(token), ...(i === 0 && { prompt_token_ids: promptIds }) }),
      }],
    }))
    await stream(reply, [...chunks, usageChunk('text_completion', body, promptIds.length, idsOf(text).length)], isForced ? Infinity : pauseAt)
  })

  app.post('/apply-template', async () => ({ prompt: 'prompt<think>' }))

  app.post('/completion', async (request, reply) => {
    const body = request.body as { prompt: string | Array<string | number>, stream?: boolean, n_predict: number }
    const parts = typeof body.prompt === 'string' ? [body.prompt] : body.prompt
    const prompt = parts.map((part) => typeof part === 'string' ? part : textOf([part])).join('')
    const [, before, isForced] = /<think>(.*?)(\n?<\/think>.*)?$/s.exec(prompt)!
    if (body.stream !== true) {
      if (failProbes) return await reply.code(500).send({ error: { message: 'broken' } })
      const completion_probabilities = [...answer].map(() => ({ logprob: Math.log(confidence(before!.length)) }))
      return { content: answer, tokens_predicted: answer.length, timings: { cache_n: 16 }, completion_probabilities }
    }
    if (failAnswers && isForced !== undefined) return await reply.code(500).send({ error: { message: 'broken' } })
    if (failContinuations && before !== '') return await reply.code(503).send({ error: { message: 'Loading model' } })
    const rest = isForced === undefined ? [...reasoning, '</think>', ...answer].slice(before!.length) : [...answer]
    const said = body.n_predict < 0 ? rest : rest.slice(0, body.n_predict)
    const end = { content: '', tokens: [], stop: true, stop_type: said.length < rest.length ? 'limit' : 'eos', tokens_evaluated: prompt.length }
    await stream(reply, [...said.map((text) => ({ content: text, tokens: idsOf(text), stop: false })), end], Infinity)
  })

  app.all('/echo', async (request, reply) => await reply.header('x-engine', 'stand-in').send(request.body ?? 'nothing'))
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => { release(); return app.close() })
  return { url, requests, aborted: () => aborted, connections: () => connections, release: () => { release() } }
}
