/** A text element. @param more further attributes */
export function textElement (x: number, y: number, content: string, more = ''): string {
  return `<text x="${place(x)}" y="${place(y)}"${more && ` ${more}`}>${escapeXml(content)}</text>`
}

/** Rounds a coordinate to a tenth of a pixel. */
export const place = (value: number): number => Math.round(value * 10) / 10

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
// eslint-disable-next-line no-control-regex -- matches the characters that XML 1.0 forbids
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Escapes any text for XML 1.0 and replaces forbidden characters. Run and suite names may contain any of them. */
export function escapeXml (content: string): string {
  return content.toWellFormed().replace(NOT_XML, '\ufffd').replace(/[&<>"']/g, (found) => ENTITIES[found]!)
}

/** Truncates a text to `most` characters with an ellipsis, never within a character. */
export function shortened (content: string, most: number): string {
  const letters = [...content]
  return letters.length <= most ? content : `${letters.slice(0, most - 1).join('')}…`
}
