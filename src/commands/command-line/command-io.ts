/** What a command line job sees of the process; `process` itself is one. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** Writes, and waits where the reader is slower than we are; resolves early if it has gone. */
export async function writeAll (stream: NodeJS.WritableStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.write(text, () => resolve()))
}
