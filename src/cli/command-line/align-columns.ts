/**
 * Formats rows as lines of aligned columns with two spaces between them.
 * @param isLeft for each column, whether it is aligned to the left, as words are, or to the right, as numbers are
 */
export function alignColumns (rows: ReadonlyArray<readonly string[]>, isLeft: readonly boolean[]): string[] {
  const widths = isLeft.map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)))
  return rows.map((row) => isLeft.map((left, column) => {
    const cell = row[column] ?? ''
    const padding = ' '.repeat(widths[column]! - [...cell].length)
    return left ? cell + padding : padding + cell
  }).join('  ').trimEnd())
}
