/** Calls as the plug-in of vLLM and the proxy write them: a line each, with the name and the canonical arguments. */
const LINES = /^\S+ \{.*\}(\n\S+ \{.*\})*$/
/** Calls as JSON, as in the messages of OpenAI's API. */
const JSON_CALLS = /^[[{].*"(arguments|tool_calls)"\s*:.*[\]}]$/s

/** Whether an answer looks like calls of tools. */
export function areToolCalls (answer: string): boolean {
  const end = answer.at(-1)
  return (end === '}' || end === ']') && (LINES.test(answer) || JSON_CALLS.test(answer)) // most answers end otherwise
}
