import type { Piece } from '../protocol/openai-chunks.js'

/**
 * Limit on what is kept of one reply, bytes: a million tokens take half of it. A model server that writes on and on would fill the memory
 * of all clients.
 */
const MAX_KEPT_BYTES = 64 * 2 ** 20
/** What a piece takes besides its texts and ids. */
const PIECE_BYTES = 16

/** How much of a reply is kept in memory. */
export class KeptReply {
  #bytes = 0

  /** @throws Error if the reply has become too long */
  add ({ reasoning, content, toolCalls, ids }: Piece): void {
    const characters = reasoning.length + content.length + (toolCalls === undefined ? 0 : JSON.stringify(toolCalls).length)
    this.#bytes += PIECE_BYTES + 2 * characters + 8 * (ids?.length ?? 0)
    if (this.#bytes > MAX_KEPT_BYTES) throw new Error('the reply of the model server is too long')
  }
}
