import { once } from 'node:events'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'

export const THINK = 900
export const END_THINK = 901

export interface Script {
  readonly reasoning?: string
  readonly answer?: string
  /** An answer behind closed reasoning, by its characters; `answer` by default. */
  readonly forcedAnswer?: (characters: number) => string
  /** An answer by its prompt, in completions; `answer` and `forcedAnswer` by default. */
  readonly answerTo?: (prompt: string, isForced: boolean) => string
  /** Of a forced answer, by the characters of the reasoning that it is forced behind. */
  readonly confidence?: (characters: number) => number
  /** The reasoning waits behind so many characters until it is ended or released. */
  readonly pauseAt?: number
  /** Tokens of the next chunk of the reasoning. */
  readonly chunkTokens?: () => number
  /** Chunks of the reasoning that are sent while a probe waits for its reply. */
  readonly chunksDuringProbe?: () => number
  /** Chunks of the reasoning that are sent before an answer is accepted or refused. */
  readonly chunksDuringStop?: () => number
  readonly failProbes?: boolean
  /** Probes are never answered. */
  readonly holdProbes?: boolean
  readonly failAnswers?: () => boolean
  /** The reasoning is not continued, as while llama.cpp loads its model. */
  readonly failContinuations?: boolean
  /** Tokens of the reasoning in a chat whose ids are stated. */
  readonly idsUntil?: number
  /** Whether streams have the reasoning in a field of its own. */
  readonly hasParser?: boolean
  readonly owner?: string
  /** Called with their number when the other side has ended another stream or held probe early. */
  readonly onAborted?: (count: number) => void
  /** A llama.cpp that does not know `continue_final_message`. */
  readonly isOldLlama?: boolean
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
export const textOf = (ids: readonly number[]) => ids.map((id) => id === THINK ? '<think>' : id === END_THINK ? '</think>' : String.fromCharCode(id)).join('')

/** The reasoning in a prompt in which it is closed; `null`: it is not. */
const closedReasoning = (prompt: string): string | null => /<think>\n?(.*?)\n?<\/think>/s.exec(prompt)?.[1] ?? null

/** Tokens in chunks of so many as `size` says. */
function * grouped (tokens: readonly string[], size: () => number): Iterable<string[]> {
  for (let at = 0; at < tokens.length;) yield tokens.slice(at, at += size())
}

/** A model server that says what its script says, in the manner of vLLM, SGLang or another. */
export async function startStandIn (t: Test, {
  reasoning = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two', answer = '42', confidence = () => 0.5,
  pauseAt = Infinity, failProbes = false, holdProbes = false, failAnswers = () => false, failContinuations = false, idsUntil = Infinity,
  hasParser = true, owner = 'vllm', isOldLlama = false, answerTo, forcedAnswer = () => answer, chunkTokens = () => 1, chunksDuringProbe = () => 0, chunksDuringStop = () => 0,
  onAborted = () => {},
}: Script = {}): Promise<StandIn> {
  const app = Fastify({ forceCloseConnections: true })
  const requests: StandIn['requests'] = []
  let aborted = 0
  const countAborted = () => { onAborted(++aborted) }
  let connections = 0
  const reasoned = { streams: 0, chunks: 0 }
  app.server.on('connection', () => { connections++ })
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  app.addHook('preHandler', async ({ url, body, headers }) => { requests.push({ path: url, body: structuredClone(body), headers }) })
  app.get('/v1/models', async () => ({ object: 'list', data: [{ id: 'm', object: 'model', owned_by: owner, max_model_len: 1024 }] }))
  app.post('/tokenize', async ({ body }) => ({ tokens: idsOf((body as { prompt: string }).prompt), max_model_len: 1024 }))

  /** Resolves when so many chunks of the reasoning have been sent, or when it has ended. */
  async function afterChunks (count: number): Promise<void> {
    const last = reasoned.chunks + count
    while (reasoned.streams > 0 && reasoned.chunks < last) await new Promise((resolve) => { setImmediate(resolve) })
  }

  async function streamReasoning (reply: FastifyReply, chunks: Iterable<object>, pauseAt: number): Promise<void> {
    reasoned.streams++
    await stream(reply, chunks, pauseAt, () => { reasoned.chunks++ })
    reasoned.streams--
  }

  async function stream (reply: FastifyReply, chunks: Iterable<object>, pauseAt = Infinity, onChunk = () => {}): Promise<void> {
    reply.hijack()
    const { raw } = reply
    const gone = once(raw, 'close')
    raw.once('close', () => { if (!raw.writableFinished) countAborted() })
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-engine': 'stand-in' })
    let sent = 0
    for (const chunk of chunks) {
      if (sent++ === pauseAt) await Promise.race([released, gone])
      if (raw.destroyed) return
      raw.write(`data: ${JSON.stringify(chunk)}\n\n`)
      onChunk()
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    raw.end('data: [DONE]\n\n')
  }

  const envelope = (object: string) => ({ id: 'gen-1', object, created: 1, model: 'm' })

  function * chatChunks (body: any): Iterable<object> {
    const of = (delta: object, ids?: number[], finish: string | null = null, more: object = {}) =>
      ({ ...envelope('chat.completion.chunk'), choices: [{ index: 0, delta, finish_reason: finish, ...(body.return_token_ids && { token_ids: ids }) }], ...more })
    yield of({ role: 'assistant', content: '' }, [], null, body.return_token_ids && { prompt_token_ids: reasoning === '' ? [1, 2, 3] : [1, 2, 3, THINK] })
    let sent = 0
    for (const chars of grouped([...reasoning], chunkTokens)) {
      const text = chars.join('')
      sent += chars.length
      yield of(hasParser ? { reasoning: text } : { content: text }, sent > idsUntil ? undefined : idsOf(text))
    }
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
    if (owner === 'llamacpp') return await llamaChat(body, reply)
    const message = { role: 'assistant', content: answer, reasoning }
    const last = body.messages.at(-1)
    if (body.continue_final_message === true) {
      const characters = closedReasoning(last.content)!.length
      const said = forcedAnswer(characters)
      await afterChunks(body.stream ? chunksDuringStop() : chunksDuringProbe())
      if (body.stream) {
        if (failAnswers()) return await reply.code(500).send({ error: { message: 'broken' } })
        const choices = [...said].map((content) => ({ index: 0, delta: { content }, finish_reason: null }))
        const deltas = choices.map((choice) => ({ ...envelope('chat.completion.chunk'), choices: [choice] }))
        await stream(reply, [...deltas, usageChunk('chat.completion.chunk', body, 4, said.length)])
        return
      }
      const content = [...said].map(() => ({ logprob: Math.log(confidence(characters)) }))
      return { ...envelope('chat.completion'), choices: [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop', logprobs: { content } }] }
    }
    if (!body.stream) return { ...envelope('chat.completion'), choices: [{ index: 0, message, finish_reason: 'stop' }] }
    await streamReasoning(reply, chatChunks(body), pauseAt + 1)
  })

  app.post('/v1/completions', async (request, reply) => {
    const body = request.body as any
    const prompt: string = typeof body.prompt === 'string' ? body.prompt : textOf(body.prompt)
    const characters = closedReasoning(prompt)?.length
    const isForced = characters !== undefined
    const said = answerTo?.(prompt, isForced) ?? (isForced ? forcedAnswer(characters) : answer)
    if (isForced) await afterChunks(body.stream ? chunksDuringStop() : chunksDuringProbe())
    if (!body.stream) {
      if (failProbes) return await reply.code(500).send({ error: { message: 'broken' } })
      if (holdProbes) {
        reply.hijack()
        await once(reply.raw, 'close')
        countAborted()
        return
      }
      const logprob = Math.log(confidence(characters!))
      return {
        ...envelope('text_completion'),
        choices: [{ text: said, logprobs: { token_logprobs: [...said].map(() => logprob) } }],
        usage: { prompt_tokens: prompt.length, completion_tokens: said.length, prompt_tokens_details: { cached_tokens: 16 } },
      }
    }
    if (isForced && failAnswers()) return await reply.code(500).send({ error: { message: 'broken' } })
    const text = isForced ? said : `${reasoning}</think>${said}`
    const thought = isForced ? [] : [...[...grouped([...reasoning], chunkTokens)].map((chars) => chars.join('')), '</think>']
    const tokens = [...thought, ...said]
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
    const all = [...chunks, usageChunk('text_completion', body, promptIds.length, idsOf(text).length)]
    await (isForced ? stream(reply, all) : streamReasoning(reply, all, pauseAt))
  })

  app.post('/apply-template', async ({ body }) => {
    const { messages, continue_final_message: continued } = body as any
    const { reasoning_content: thought } = messages.at(-1)
    return { prompt: continued === 'content' && !isOldLlama ? `prompt<think>\n${thought}\n</think>\n\n` : 'prompt<think>' }
  })

  /** A chat of llama.cpp, where the content of the last message may be continued. Its words are tokens. */
  async function llamaChat (body: any, reply: FastifyReply): Promise<object | undefined> {
    const last = body.messages.at(-1)
    const isForced = body.continue_final_message === 'content'
    const { reasoning_content: thought, content: begun } = isForced ? last : { reasoning_content: reasoning, content: '' }
    const written = isForced ? forcedAnswer(thought.length) : answer
    const calls = body.tools === undefined ? undefined : JSON.parse(written)
    const said = calls === undefined ? [...written] : []
    if (isForced) await afterChunks(body.stream ? chunksDuringStop() : chunksDuringProbe())
    if (!body.stream) {
      if (failProbes) return await reply.code(500).send({ error: { message: 'broken' } })
      const logprob = Math.log(confidence(thought.length))
      const message = { role: 'assistant', content: begun + said.join(''), reasoning_content: thought, ...(calls && { tool_calls: calls }) }
      const content = (calls ?? said).map((token: unknown) => ({ token, logprob }))
      return {
        ...envelope('chat.completion'),
        choices: [{ index: 0, message, finish_reason: content.length > body.max_tokens ? 'length' : 'stop', logprobs: { content } }],
        usage: { prompt_tokens: 40, completion_tokens: content.length, prompt_tokens_details: { cached_tokens: 16 } },
      }
    }
    if (isForced && failAnswers()) return await reply.code(500).send({ error: { message: 'broken' } })
    let generated = 0
    const of = (delta: object | null, tokens: number, more: object = {}) => {
      generated += tokens
      const choices = delta === null ? [] : [{ index: 0, delta, finish_reason: null, ...more }]
      return { ...envelope('chat.completion.chunk'), choices, ...(delta === null ? more : {}), ...(body.timings_per_token && { timings: { cache_n: 3, prompt_n: 1, predicted_n: generated } }) }
    }
    const role = of({ role: 'assistant', content: null }, 0)
    const thoughts = isForced ? [] : [...grouped([...reasoning], chunkTokens)].map((chars) => of({ reasoning_content: chars.join('') }, chars.length))
    const parts = (calls ?? []).map(({ function: { name, arguments: given }, ...call }: any, index: number) => [
      of({ tool_calls: [{ index, ...call, function: { name, arguments: '' } }] }, 2), of({ tool_calls: [{ index, function: { arguments: given } }] }, 1),
    ]).flat()
    const answered = [...parts, ...said.map((content) => of({ content }, 1))]
    const finish = of({}, 0, { finish_reason: calls === undefined ? 'stop' : 'tool_calls' })
    const usage = { prompt_tokens: isForced ? 40 : 4, completion_tokens: generated, prompt_tokens_details: { cached_tokens: 3 } }
    const end = body.stream_options?.include_usage ? [of(null, 0, { usage })] : []
    const all = [role, ...thoughts, ...answered, finish, ...end]
    await (isForced ? stream(reply, all) : streamReasoning(reply, all, pauseAt + 1))
    return undefined
  }

  app.post('/completion', async (request, reply) => {
    const body = request.body as { prompt: string | Array<string | number>, stream?: boolean, n_predict: number }
    const parts = typeof body.prompt === 'string' ? [body.prompt] : body.prompt
    const prompt = parts.map((part) => typeof part === 'string' ? part : textOf([part])).join('')
    const [before, behind] = prompt.slice(prompt.indexOf('<think>') + '<think>'.length).split('\n</think>')
    const isForced = behind !== undefined
    const forced = forcedAnswer(before!.length)
    if (body.stream !== true) {
      if (failProbes) return await reply.code(500).send({ error: { message: 'broken' } })
      const completion_probabilities = [...forced].map(() => ({ logprob: Math.log(confidence(before!.length)) }))
      return { content: forced, tokens_predicted: forced.length, timings: { cache_n: 16 }, completion_probabilities }
    }
    if (isForced && failAnswers()) return await reply.code(500).send({ error: { message: 'broken' } })
    if (failContinuations && before !== '') return await reply.code(503).send({ error: { message: 'Loading model' } })
    const rest = isForced ? [...forced] : [...reasoning, '</think>', ...answer].slice(idsOf(before!).length)
    const said = body.n_predict < 0 ? rest : rest.slice(0, body.n_predict)
    const end = { content: '', tokens: [], stop: true, stop_type: said.length < rest.length ? 'limit' : 'eos', tokens_evaluated: prompt.length, timings: { cache_n: 5 } }
    const events = [...grouped(said, chunkTokens)].map((tokens) => tokens.join('')).map((text) => ({ content: text, tokens: idsOf(text), stop: false }))
    await stream(reply, [...events, end])
  })

  app.all('/echo', async (request, reply) => await reply.header('x-engine', 'stand-in').send(request.body ?? 'nothing'))
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => { release(); return app.close() })
  return { url, requests, aborted: () => aborted, connections: () => connections, release: () => { release() } }
}
