import type { ReasoningTags } from '../dialects/dialect.js'

/** Before any text, inside the reasoning, behind it, or in a reply that has none. */
type ReasoningState = 'waiting' | 'reasoning' | 'ended' | 'absent'

/**
 * Follows where the reasoning begins and ends: by the engine's own field for it, otherwise by the tags in the text. A prompt may have
 * opened it.
 */
export class ReasoningTracker {
  state: ReasoningState = 'waiting'
  readonly #tags: ReasoningTags
  #isInField = false
  #head = ''
  #tail = ''

  constructor (tags: ReasoningTags) { this.#tags = tags }

  /** Whether the reasoning stands in the text, between tags. */
  get isInText (): boolean { return !this.#isInField }

  /** The prompt ends with the opening tag. */
  open (): void {
    if (this.state === 'waiting') this.state = 'reasoning'
  }

  add (reasoning: string, content: string): void {
    if (reasoning !== '' && this.state !== 'ended') {
      this.#isInField = true
      this.state = 'reasoning'
    }
    if (content === '' || this.state === 'ended' || this.state === 'absent') return
    if (this.#isInField) this.state = content.trim() === '' ? this.state : 'ended'
    else if (this.state === 'waiting') this.#seekOpen(content)
    else this.#seekClose(content)
  }

  /** The engine has closed the reasoning by a token whose text is not shown. */
  close (): void {
    if (this.state === 'reasoning') this.state = 'ended'
  }

  #seekOpen (content: string): void {
    this.#head += content
    const head = this.#head.trimStart()
    if (head.startsWith(this.#tags.open)) {
      this.state = 'reasoning'
      this.#seekClose(head.slice(this.#tags.open.length))
    } else if (!this.#tags.open.startsWith(head)) this.state = 'absent'
  }

  #seekClose (content: string): void {
    const text = this.#tail + content
    if (text.includes(this.#tags.close)) this.state = 'ended'
    this.#tail = text.slice(-(this.#tags.close.length - 1))
  }
}
