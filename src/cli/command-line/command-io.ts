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
