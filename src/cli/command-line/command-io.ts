/** The environment and output streams of a command; `process` is one. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** Writes text and waits until it is flushed, or until the stream fails because its reader has gone. */
export async function writeAll (stream: NodeJS.WritableStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.write(text, () => resolve()))
}

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
