import { fieldOf, isJsonObject, itemsOf, textOf, type JsonObject } from './json.js'

/** A call of a tool. */
interface ToolCall { readonly name: string, readonly arguments: string }

/**
 * The next action that a message takes, as one text that is equal for equal actions: its tool calls as a set, by name and canonical
 * arguments; without calls its content as canonical JSON, or as it is. vLLM's plug-in reads answers in the same way.
 */
export function actionOf (content: string, calls: readonly ToolCall[]): string {
  return calls.length === 0 ? canonicalText(content) : setOf(calls.map((call) => `${call.name} ${canonicalText(call.arguments)}`))
}

/**
 * The right answer as `actionOf` gives it. Calls are stated as objects with `name` and `arguments` (or `parameters`), alone or in a list,
 * or as OpenAI's API writes them: with `function`, and in the `tool_calls` of a message.
 */
export function statedAction (text: string): string {
  try {
    const value = parseExactly(text)
    const stated = fieldOf(value, 'tool_calls') ?? value
    return setOf((Array.isArray(stated) ? stated : [stated]).map(statedCall))
  } catch { return canonicalText(text) }
}

function statedCall (call: unknown): string {
  const { name, parameters, arguments: given = parameters } = (fieldOf(call, 'function') ?? call) as JsonObject
  if (typeof name !== 'string' || given === undefined) throw new TypeError('it is no call')
  return `${name} ${typeof given === 'string' ? canonicalText(given) : canonical(given)}`
}

function setOf (lines: string[]): string { return lines.sort().join('\n') }

/** The calls in a message of the assistant. */
export function toolCallsOf (calls: unknown): ToolCall[] {
  return itemsOf(calls).map((call) => {
    const named = fieldOf(call, 'function')
    return { name: textOf(fieldOf(named, 'name')), arguments: textOf(fieldOf(named, 'arguments')) }
  })
}

/** Puts the tool calls of a message together from the deltas of a stream. */
export class ToolCallParts {
  readonly #calls = new Map<unknown, JsonObject>()

  add (deltas: readonly unknown[]): void {
    for (const delta of deltas) {
      if (!isJsonObject(delta)) continue
      const { index, function: more, ...others } = delta
      const call = this.#calls.get(index) ?? {}
      const before = isJsonObject(call.function) ? call.function : {}
      const named = { ...before, ...isJsonObject(more) ? more : {}, arguments: textOf(before.arguments) + textOf(fieldOf(more, 'arguments')) }
      this.#calls.set(index, { ...call, ...others, function: named })
    }
  }

  /** The calls as a whole message has them. */
  whole (): JsonObject[] { return [...this.#calls.values()] }
}

/** JSON in a normal form: without spaces, with ordered keys and numbers written one way. Another text is only stripped. */
export function canonicalText (text: string): string {
  try { return canonical(parseExactly(text)) } catch { return text.trim() }
}

/** Begins a number: JSON has no such character outside of strings, and models do not write it. */
const NUMBER = '\0'

/** A string, which is left alone, or a number. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Parses JSON with its numbers as texts: as numbers, large ids that differ would become equal. @throws SyntaxError */
function parseExactly (text: string): unknown {
  JSON.parse(text)
  return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => found.startsWith('"') ? found : JSON.stringify(NUMBER + canonicalNumber(found))))
}

/** @param text a number in JSON */
function canonicalNumber (text: string): string {
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text // converting a million digits would take a second
  const value = Number(text)
  return Number.isInteger(value) ? BigInt(value).toString() : String(value)
}

function canonical (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (isJsonObject(value)) return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
  return typeof value === 'string' && value.startsWith(NUMBER) ? value.slice(NUMBER.length) : JSON.stringify(value)
}
