import type { HTMLElement, HTMLInputElement, Window } from 'happy-dom'
import type { Drawing } from './canvas.js'
import { textOf } from './visible-text.js'

const nameOf = (element: HTMLElement): string => element.getAttribute('aria-label') ?? textOf(element)

/** Finds what the page shows by what users see. Each function fails unless there is exactly one. */
export function readerOf (window: Window) {
  const { document } = window
  const within = (place: HTMLElement, selector: string): HTMLElement[] => [...place.querySelectorAll(selector)] as HTMLElement[]
  /** Dialogs cover the page behind them. */
  const top = () => within(document.body, 'dialog[open]').at(-1) ?? document.body
  const all = (selector: string): HTMLElement[] => within(top(), selector)

  function one (what: string, found: readonly HTMLElement[]): HTMLElement {
    if (found.length !== 1) throw new Error(`${found.length} of ${what} in: ${textOf(top()).slice(0, 500)}`)
    return found[0]!
  }

  const named = (what: string, selector: string, name: string) => one(`${what} ${name}`, all(selector).filter((element) => nameOf(element) === name))
  const element = (selector: string) => one(selector, all(selector))

  return {
    all,
    /** The element that a selector matches. */
    element,
    text: () => textOf(top()),
    /** The text of the element that a selector matches. */
    read: (selector: string) => textOf(element(selector)),
    /** The text of a card, without its title. */
    card: (title: string) => textOf(named('card', 'section.card', title)).replace(title, '').trim(),
    /** The value and the note of a tile. */
    tile: (title: string) => {
      const { parentElement: tile } = one(`tile ${title}`, all('.tile h2').filter((head) => textOf(head) === title))
      return ['.value', '.note'].map((part) => textOf(tile!.querySelector(part)!))
    },
    /** The rows of a table, its head first. @param caption the beginning of it */
    table: (caption: string) => {
      const { parentElement: table } = one(`table ${caption}`, all('caption').filter((candidate) => textOf(candidate).startsWith(caption)))
      return within(table as HTMLElement, 'tr').map((row) => within(row, 'th, td').map((cell) => textOf(cell)))
    },
    /** The drawing on the chart of a label. */
    chart: (label: string): Drawing =>
      (named('chart', '[role=img]', label).querySelector('canvas')!.getContext('2d') as unknown as { drawing: Drawing }).drawing,
    /** A button or a link. */
    control: (name: string) => named('button or link', 'button, a', name),
    /** The field of a label. @param label the beginning of it */
    field: (label: string) => {
      const labelled = all('label').filter((candidate) => textOf(candidate).startsWith(label)).map((found) => found.querySelector('input, select') as HTMLElement)
      return one(`field ${label}`, [...all('input, select').filter((field) => field.getAttribute('aria-label') === label), ...labelled]) as HTMLInputElement
    },
    /** The colour in which an element is shown. */
    colourOf: (element: HTMLElement) => window.getComputedStyle(element).color,
    /** A colour of the style sheet. */
    paletteOf: (name: 'good' | 'warn' | 'bad' | 'accent') => window.getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
  }
}
