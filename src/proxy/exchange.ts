import type { Dispatcher } from 'undici'
import type { RawHeaders } from './hop-by-hop.js'
import { ReplyBody } from './reply-body.js'

export interface UpstreamReply {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: ReplyBody
}

/** Sends a request. Resolves with the head of the reply. @throws what undici reports, or the reason of the signal */
export async function exchange (agent: Dispatcher, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<UpstreamReply> {
  return await new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let body: ReplyBody | undefined
    const abort = (): void => { controller?.abort(signal.reason) }
    const end = (error: Error | null): void => {
      signal.removeEventListener('abort', abort)
      body?.end(error)
    }
    signal.addEventListener('abort', abort)
    agent.dispatch(options, {
      onRequestStart (its) {
        controller = its
        if (signal.aborted) abort()
      },
      onResponseStart (its, status) {
        if (status < 200) return
        body = new ReplyBody(its)
        resolve({ status, headers: (its.rawHeaders as Buffer[]).map((bytes) => bytes.toString('latin1')), body })
      },
      onResponseData (its, bytes) { body!.take(bytes) },
      onResponseEnd () { end(null) },
      onResponseError (its, error) {
        reject(error)
        end(error)
      },
    })
  })
}
