import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Writes a file whole or not at all: whoever reads the path sees either what was there or all of the new content. */
export async function replaceFile (path: string, content: string | Buffer): Promise<void> {
  const written = join(dirname(path), `.stopgate-${process.pid}.tmp`) // a name that no reader of the folder takes for a file of the run
  try {
    await writeFile(written, content)
    await rename(written, path)
  } catch (error) {
    await rm(written, { force: true })
    throw error
  }
}
