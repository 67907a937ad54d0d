export interface ThinkTags { readonly open: string, readonly close: string }

/** Before anything was written, inside the thought, behind it, or in a reply that has none. */
export type ThoughtState = 'waiting' | 'thinking' | 'ended' | 'absent'

/**
 * Follows where the thought begins and ends: by the engine's own field for it, else by the tags in the text. A prompt may have opened it.
 */
export class ThoughtTracker {
  state: ThoughtState = 'waiting'
  readonly #tags: ThinkTags
  #isByField = false
  #head = ''
  #tail = ''

  constructor (tags: ThinkTags) { this.#tags = tags }

  /** The prompt ends with the opening tag. */
  opened (): void {
    if (this.state === 'waiting') this.state = 'thinking'
  }

  /** Whether the thought stands in the text, between tags. */
  get isInText (): boolean { return !this.#isByField }

  add (reasoning: string, content: string): void {
    if (reasoning !== '' && this.state !== 'ended') {
      this.#isByField = true
      this.state = 'thinking'
    }
    if (content === '' || this.state === 'ended' || this.state === 'absent') return
    if (this.#isByField) this.state = content.trim() === '' ? this.state : 'ended'
    else if (this.state === 'waiting') this.#begin(content)
    else this.#seekClose(content)
  }

  /** The engine has closed the thought by a token of which no text is shown. */
  closed (): void {
    if (this.state === 'thinking') this.state = 'ended'
  }

  #begin (content: string): void {
    this.#head += content
    const head = this.#head.trimStart()
    if (head.startsWith(this.#tags.open)) {
      this.state = 'thinking'
      this.#seekClose(head.slice(this.#tags.open.length))
    } else if (!this.#tags.open.startsWith(head)) this.state = 'absent'
  }

  #seekClose (content: string): void {
    const text = this.#tail + content
    if (text.includes(this.#tags.close)) this.state = 'ended'
    this.#tail = text.slice(-(this.#tags.close.length - 1))
  }
}
