import type { Asked } from '../asked.js'
import type { Dialect, DialectParts } from './dialect.js'
import { beginByText, behindPrompt, type Continue } from './text-run.js'

/**
 * SGLang, by its documentation; it was not run. Its OpenAI routes do not tell token ids, so that a chat is continued as an unfinished
 * message of the assistant (`continue_final_message`), and its cache finds the prefix by the tokens of the same text.
 */
export function createSglang (parts: DialectParts): Dialect {
  const goOn: Continue = (asked, written) => {
    if (asked.route === 'completions') return behindPrompt(asked, written)
    const { open } = parts.tags
    const content = written.trimStart().startsWith(open) ? written : `${open}\n${written}`
    const messages = [...asked.body.messages as object[], { role: 'assistant', content }]
    const kept = Object.fromEntries(['chat_template_kwargs'].map((field) => [field, asked.body[field] ?? undefined]))
    return { path: '/v1/chat/completions', fields: { ...kept, messages, prompt: undefined, continue_final_message: true, separate_reasoning: false } }
  }
  const isText = ({ route, body }: Asked) => route === 'chat' || typeof body.prompt === 'string'
  return {
    name: 'sglang',
    hasIds: false,
    hasPauses: false,
    refusal: (asked) => isText(asked) ? null : 'dialect',
    begin: (asked, headers, signal) => beginByText(parts, goOn, asked, headers, signal),
  }
}
