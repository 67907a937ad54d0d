import type { Element, Node } from 'happy-dom'

/** Elements that begin a new line. */
const BLOCKS = new Set('BR CAPTION DIALOG DIV FIELDSET FIGURE FORM H1 H2 H3 HEADER LABEL LEGEND LI MAIN NAV OPTION P SECTION SUMMARY TABLE TR UL'.split(' '))
/** Elements that stand apart from their neighbours. */
const CELLS = new Set(['A', 'BUTTON', 'INPUT', 'SELECT', 'TD', 'TH'])

const isElement = (node: Node): node is Element => node.nodeType === 1
const isText = (node: Node) => node.nodeType === 3

function isHidden (element: Element): boolean {
  if (element.tagName === 'DIALOG') return !element.hasAttribute('open')
  return ['STYLE', 'SCRIPT', 'NOSCRIPT'].includes(element.tagName)
}

function rawText (node: Node): string {
  if (isText(node)) return node.textContent ?? ''
  if (!isElement(node) || isHidden(node)) return ''
  const isClosed = node.tagName === 'DETAILS' && !node.hasAttribute('open')
  const parts = [...node.childNodes].filter((child) => !isClosed || (isElement(child) && child.tagName === 'SUMMARY'))
  const text = parts.map(rawText).join('')
  if (BLOCKS.has(node.tagName)) return `\n${text}\n`
  return CELLS.has(node.tagName) || node.classList.contains('badge') ? ` ${text} ` : text
}

/** The text of an element as it is read: without hidden parts, a line for each block, and with plain spaces. */
export function textOf (node: Node): string {
  return rawText(node).replaceAll('\u00a0', ' ').replace(/[^\S\n]+/g, ' ').replace(/ ?\n[\s]*/g, '\n').replace(/ ([,.;])/g, '$1').trim()
}
