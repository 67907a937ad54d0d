import type { ReasoningPrefix, ReasoningTags } from '../dialects/dialect.js'
import type { EndOfReasoning } from '../probe-form/end-trial.js'
import type { Piece } from '../protocol/openai-chunks.js'

/** Length of the kept end of the reasoning: longer than a tag with the white space around it. */
const TAIL = 64

/** Follows where a model closes its reasoning by itself, and the text that it writes around the tag. */
export class ReasoningEnd {
  readonly #tags: ReasoningTags
  /** Whether prefixes go upstream as token ids, of which only whole pieces can be cut off. */
  readonly #hasIds: boolean
  #tail = ''
  /** Whether the last piece has tokens and no text: they may be of a closing tag that is not shown. */
  #isTextless = false
  /** White space before the tag; `null`: the reasoning has not ended, or not at the end of a piece. */
  #before: string | null = null
  /** Text of the closing piece before the tag, and characters of the tag in earlier pieces. */
  #added = ''
  #cut = 0
  #answer = ''

  constructor (tags: ReasoningTags, hasIds: boolean) {
    this.#tags = tags
    this.#hasIds = hasIds
  }

  /** A piece of the reasoning, without its closing tag. */
  grow ({ tokens, reasoning, content }: Piece): void {
    this.#isTextless = tokens > 0 && reasoning + content === ''
    this.#tail = (this.#tail + reasoning + content).slice(-TAIL)
  }

  /** The piece that has closed the reasoning. @param isInText whether the tags stand in the text */
  close (piece: Piece, isInText: boolean): void {
    const { content, reasoning } = piece
    const whole = this.#tail + content
    const found = isInText ? whole.lastIndexOf(this.#tags.close) : -1
    if (found !== -1) {
      this.#added = whole.slice(Math.min(this.#tail.length, found), found)
      this.#cut = Math.max(0, this.#tail.length - found)
      this.#answer = whole.slice(found + this.#tags.close.length)
      if (!this.#hasIds || found === this.#tail.length) this.#before = blankAtEnd(whole.slice(0, found))
      return
    }
    this.follow(piece)
    const isWhole = reasoning === '' && !this.#isTextless && (!isInText || piece.isClosing)
    if (isWhole || (!this.#hasIds && !isInText)) this.#before = blankAtEnd(this.#tail)
  }

  /** A piece behind the reasoning. */
  follow ({ blank = '', content }: Piece): void { this.#answer += blank + content }

  /** @returns `null` if the reasoning does not end where a prefix can be sent */
  read ({ tokens, ids, text }: ReasoningPrefix): EndOfReasoning | null {
    if (this.#before === null || (this.#hasIds && ids === null)) return null
    const whole = text.slice(0, text.length - this.#cut) + this.#added
    const after = /^\s*/.exec(this.#answer)![0]
    return { prefix: { tokens, ids, text: whole }, before: this.#before, after, answer: this.#answer }
  }
}

function blankAtEnd (text: string): string { return text.slice(text.trimEnd().length) }
