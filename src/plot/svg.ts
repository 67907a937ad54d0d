/** Text of a picture. @param more attributes */
export function text (x: number, y: number, content: string, more = ''): string {
  return `<text x="${place(x)}" y="${place(y)}"${more && ` ${more}`}>${escapeXml(content)}</text>`
}

/** A place, to a tenth of a pixel. */
export const place = (value: number): number => Math.round(value * 10) / 10

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
// eslint-disable-next-line no-control-regex -- they are what it is about
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Any text, as XML 1.0 may have it: names are what callers make of them. */
export function escapeXml (content: string): string {
  return content.toWellFormed().replace(NOT_XML, '\ufffd').replace(/[&<>"']/g, (found) => ENTITIES[found]!)
}

/** As much of a text as there is room for. */
export function shortened (content: string, most: number): string {
  const letters = [...content]
  return letters.length <= most ? content : `${letters.slice(0, most - 1).join('')}…`
}
