/**
 * Rows of text as lines with aligned columns, two spaces between them: words to the left, numbers to the right.
 * @param isLeft for each column, whether it is words
 */
export function alignColumns (rows: ReadonlyArray<readonly string[]>, isLeft: readonly boolean[]): string[] {
  const widths = isLeft.map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)))
  return rows.map((row) => isLeft.map((left, column) => {
    const cell = row[column] ?? ''
    const padding = ' '.repeat(widths[column]! - [...cell].length)
    return left ? cell + padding : padding + cell
  }).join('  ').trimEnd())
}
