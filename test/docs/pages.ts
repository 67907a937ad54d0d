import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
  readonly page: string
  /** Line of the page on which the code starts. */
  readonly line: number
  readonly language: string
  /** The text after the language in the opening fence, such as `POST /v1/decisions`. */
  readonly info: string
  readonly code: string
  /** Whether nothing but white space lies between this block and the one before. */
  readonly isContinued: boolean
}

/** Every page of the documentation, the README first. */
export const PAGES = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'clients/python/README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md')).sort().map((file) => join('docs', file))]

export const readPage = (page: string): string => readFileSync(page, 'utf8')

/** The fenced code blocks of a page, in order. */
export function blocksOf (page: string): Block[] {
  const text = readPage(page)
  let end = 0
  return [...text.matchAll(/^```(\S*)(.*)\n([^]*?)^```$/gm)].map((match) => {
    const [all, language = '', info = '', code = ''] = match
    const isContinued = end > 0 && text.slice(end, match.index).trim() === ''
    end = match.index + all.length
    return { page, line: text.slice(0, match.index).split('\n').length + 1, language, info: info.trim(), code, isContinued }
  })
}

/** A page without its code, for checks of the prose. */
export const proseOf = (page: string): string => readPage(page).replaceAll(/^```[^]*?^```$/gm, '')
