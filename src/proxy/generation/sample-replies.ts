import type { ServerResponse } from 'node:http'
import type { EngineRun } from '../dialects/dialect.js'
import { breakOff } from '../protocol/broken-reply.js'
import { isJsonObject, itemsOf, numberOrNull, fieldOf, type JsonObject } from '../protocol/json.js'
import { usageOf, type Usage } from '../protocol/openai-chunks.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import {
  chunkWriter, collecting, drainedOrClosed, sendAtOnce, sendFailure, sendWhole, WholeChoice, writtenChoice, type ClientReply,
  type StopgateField,
} from './client-reply.js'

interface EndedSample { readonly usage: Usage | null, readonly field: StopgateField }

/** Collects the ends of the samples of one request. */
class SampleEnds {
  readonly #ends: Array<EndedSample | undefined>
  #left: number

  constructor (samples: number) {
    this.#ends = Array.from({ length: samples })
    this.#left = samples
  }

  /** @returns whether it was the last one */
  add (index: number, end: EndedSample): boolean {
    this.#ends[index] = end
    return --this.#left === 0
  }

  /** The fields of the reply about all samples. */
  fields (): { readonly usage: JsonObject | null, readonly stopgate: JsonObject } {
    const ends = this.#ends.flatMap((end) => end === undefined ? [] : [end])
    return { usage: sumOf(ends.map(({ usage }) => usage)), stopgate: { samples: ends.map(({ field }) => field) } }
  }
}

/** The prompt counts once. */
function sumOf (usages: ReadonlyArray<Usage | null>): JsonObject | null {
  const [first] = usages
  if (first == null) return null
  const sum = (read: (usage: Usage) => number | null) => usages.reduce((total, usage) => total + (usage === null ? 0 : read(usage) ?? 0), 0)
  const reasoning = sum(({ json }) => numberOrNull(fieldOf(json.completion_tokens_details, 'reasoning_tokens')))
  return usageOf(first.promptTokens ?? 0, sum(({ completionTokens }) => completionTokens), {
    ...(isJsonObject(first.json.prompt_tokens_details) && { prompt_tokens_details: first.json.prompt_tokens_details }),
    ...(reasoning > 0 && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }).json
}

interface Samples {
  readonly request: Pick<StoppableRequest, 'route' | 'wantsUsage' | 'isStream' | 'choices'>
  readonly response: ServerResponse
  readonly headers: readonly string[]
  readonly format: Pick<EngineRun, 'reasoningField' | 'emptyContent'>
  /** One of the samples has failed, and the reply with it. */
  readonly onFailed: () => void
}

/** The replies to the samples of one request, which are one reply to the client. */
export function sampleReplies (samples: Samples): ClientReply[] {
  return samples.request.isStream ? streamReplies(samples) : jsonReplies(samples)
}

function jsonReplies ({ request: { route, choices }, response, headers, format, onFailed }: Samples): ClientReply[] {
  const ends = new SampleEnds(choices)
  const said: JsonObject[] = []
  return Array.from({ length: choices }, (_, index) => {
    const whole = new WholeChoice()
    return {
      ...collecting(whole),
      end (finish, usage, field) {
        said[index] = whole.json(route, format, finish, index)
        if (ends.add(index, { usage, field })) sendWhole(route, response, headers, { ...whole.envelope, choices: said, ...ends.fields() })
      },
      fail (error) {
        if (!response.writableEnded) sendFailure(response, error)
        onFailed()
      },
    }
  })
}

/** One stream, whose chunks have the id of the first one and the index of their sample. */
function streamReplies ({ request: { route, wantsUsage, choices }, response, headers, onFailed }: Samples): ClientReply[] {
  response.writeHead(200, [...headers])
  const write = chunkWriter(response)
  const ends = new SampleEnds(choices)
  let shared: JsonObject | null = null
  let isOver = false
  let draining: Promise<void> | null = null
  const drained = (): Promise<void> | null => {
    if (!response.writableNeedDrain) return null
    // All samples wait for one event: with listeners of their own, many samples would look like a leak.
    draining ??= drainedOrClosed(response).finally(() => { draining = null })
    return draining
  }
  const send = (chunk: JsonObject, isLast = false) => {
    if (isOver) return
    const { id, created } = shared ??= chunk
    isOver = isLast
    write(`data: ${JSON.stringify({ ...chunk, id, created })}\n\n${isLast ? 'data: [DONE]\n\n' : ''}`, isLast)
  }
  return Array.from({ length: choices }, (_, index) => {
    let last: JsonObject = {}
    let held: JsonObject | null = null // the chunk with the finish reason: the last one of all has the field about the generations
    const written = (choices: JsonObject[]) => ({ ...last, usage: undefined, choices })
    return {
      pass ({ chunk, finish, isWithoutChoices }) {
        last = chunk
        if (isWithoutChoices) return
        const choices = itemsOf(chunk.choices).map((choice) => isJsonObject(choice) ? { ...choice, index } : choice)
        const own = { ...chunk, usage: undefined, choices }
        if (finish === null) send(own)
        else held = own
      },
      cut () {},
      write (content, toolCalls) { send(written([writtenChoice(route, content, null, toolCalls, index)])) },
      end (finish, usage, field) {
        const end = finish === null ? held : written([writtenChoice(route, '', finish, undefined, index)])
        const isLast = ends.add(index, { usage, field })
        const { usage: sum, stopgate } = ends.fields()
        const isLastChunk = isLast && !wantsUsage
        if (end !== null) send(isLastChunk ? { ...end, stopgate } : end, isLastChunk)
        if (isLast) send({ ...written([]), ...(wantsUsage && { usage: sum }), stopgate }, true) // unless the last one was sent
      },
      fail (error) {
        if (isOver) return
        isOver = true
        if (error === null) breakOff(response)
        else write(`data: ${JSON.stringify(error)}\n\ndata: [DONE]\n\n`, true)
        onFailed()
      },
      sendTogether: (work) => { sendAtOnce(response, work) },
      drained,
    }
  })
}
