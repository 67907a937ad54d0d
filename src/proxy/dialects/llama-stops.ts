import { fieldOf } from '../protocol/json.js'

/**
 * Stop texts that begin with this are not sent: llama.cpp leaves out the log-probabilities of the tokens that a stop text cuts off, and
 * that of the brace says whether the number before it is complete.
 */
const CLOSING = '}'

/** The stop texts to send to llama.cpp. */
export function sentStops (stops: readonly string[]): string[] { return stops.filter((stop) => !stop.startsWith(CLOSING)) }

/** The tokens up to the first of the stop texts, with the token that completes it. */
export function tokensUntil (stops: readonly string[], tokens: readonly unknown[]): readonly unknown[] {
  let text = ''
  for (const [i, token] of tokens.entries()) {
    const piece = fieldOf(token, 'token')
    text += typeof piece === 'string' ? piece : ''
    if (stops.some((stop) => text.includes(stop))) return tokens.slice(0, i + 1)
  }
  return tokens
}
