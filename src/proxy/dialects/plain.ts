import type { Dialect, DialectParts } from './dialect.js'
import { beginByText, behindPrompt } from './text-run.js'

/**
 * Any other server. Its chat template is not known, so that chats are passed through; completions with a text are continued.
 */
export function createPlain (parts: DialectParts): Dialect {
  return {
    name: 'plain',
    hasIds: false,
    hasPauses: false,
    refusal: ({ route, body }) => route === 'chat' || typeof body.prompt !== 'string' ? 'dialect' : null,
    begin: (asked, headers, signal) => beginByText(parts, behindPrompt, asked, headers, signal),
  }
}
