import type { ServerResponse } from 'node:http'

/** Replies that the proxy has ended before their end, since the model server's stream broke off. */
const broken = new WeakSet<ServerResponse>()

/** Ends a reply so that its client sees that it is incomplete. */
export function breakOff (response: ServerResponse): void {
  broken.add(response)
  response.destroy()
}

/** Whether the proxy broke off the reply, and not its client. */
export function isBrokenOff (response: ServerResponse): boolean { return broken.has(response) }
