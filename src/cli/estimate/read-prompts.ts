import { MAX_ANSWER_BYTES } from '../../proxy/protocol/stopgate-headers.js'
import { fieldOf, isJsonObject } from '../../proxy/protocol/json.js'
import { type PassCause, readStoppableRequest, type StoppableRequest } from '../../proxy/protocol/stoppable-request.js'
import { FileError } from '../command-line/command-error.js'
import { lines } from '../traces/read-traces.js'

/** A chat request of the reader, which can be asked. */
export interface Prompt {
  /** Its file and line. */
  readonly place: string
  readonly request: StoppableRequest
}

/** What to change in a request that the proxy would not stop; the others are not possible here. */
const REMEDIES: Readonly<Partial<Record<PassCause, string>>> = {
  body: 'needs "messages", a list with at least one message',
  tools: 'uses tools, and estimate asks for texts alone: leave them out',
  several_samples: 'asks for several samples: use n 1, and repeat the line',
  structured_output: 'has a structured output, and estimate asks for texts alone: leave response_format out',
  media: 'has images or audio, and such requests are never stopped: use texts alone',
  logprobs: 'asks for log-probabilities, and such requests are never stopped: leave them out',
  grammar: 'has a grammar, and such requests are never stopped: leave it out',
  stop_strings: 'has stop strings, which the proxy serves on some model servers only: leave "stop" out',
  unknown_field: 'has a field that the proxy does not know, so such requests are never stopped: leave it out',
}

/**
 * Reads chat requests, one JSON object a line, as POST /v1/chat/completions takes them, or as `body` of such an object (OpenAI's batch
 * format). `reference`, beside `messages` or beside `body`, is the right answer. A line without a model asks `model`.
 * @throws FileError for the first line that cannot be asked
 */
export async function readPrompts (file: string, model: string): Promise<Prompt[]> {
  const prompts: Prompt[] = []
  for await (const [line, text] of lines(file)) {
    if (text.trim() !== '') prompts.push(readPrompt(`${file}:${line}`, text, model))
  }
  if (prompts.length === 0) throw new FileError(`${file}: no requests found; each line is a JSON object such as {"messages": [{"role": "user", "content": "..."}]}`)
  return prompts
}

function readPrompt (place: string, text: string, model: string): Prompt {
  let line: unknown
  try { line = JSON.parse(text) } catch (error) { throw new FileError(`${place}: not JSON: ${(error as Error).message}`) }
  const isBatch = isJsonObject(fieldOf(line, 'body'))
  const body: unknown = isBatch ? fieldOf(line, 'body') : line
  if (!isJsonObject(body)) throw new FileError(`${place}: must be a JSON object such as {"messages": [{"role": "user", "content": "..."}]}`)
  const { reference: own, ...request } = body
  const reference = fieldOf(line, 'reference') ?? own ?? null
  if (reference !== null && (typeof reference !== 'string' || Buffer.byteLength(reference) > MAX_ANSWER_BYTES)) {
    throw new FileError(`${place}: "reference" must be a text of at most ${MAX_ANSWER_BYTES} bytes: the right answer`)
  }
  // The stream is read whole, and all its samples have one prompt hash, whenever they are asked.
  const asked = { ...request, model: request.model ?? model, stream: undefined, stream_options: undefined }
  const headers = { isOff: false, context: {}, group: null, samples: null, gold: reference as string | null }
  const read = readStoppableRequest('chat', '/v1/chat/completions', withoutUndefined(asked), headers, 0)
  const problem = typeof read === 'string' ? read : read.needs.find((need) => need !== 'seed')
  if (typeof read === 'string' || problem !== undefined) throw new FileError(`${place}: ${REMEDIES[problem!] ?? `cannot be asked (${problem})`}`)
  return { place, request: read }
}

function withoutUndefined (body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}
