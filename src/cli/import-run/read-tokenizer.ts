import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { FileError } from '../command-line/command-error.js'

/** The number of tokens of a generated text. */
export type TokenCounter = (text: string) => number

/**
 * A counter for the tokenizer of a Hugging Face `tokenizer.json`, or of the folder with one.
 * @throws FileError
 */
export async function readTokenizer (path: string): Promise<TokenCounter> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'tokenizer.json') : path
    const tokenizer = new Tokenizer(JSON.parse(await readFile(file, 'utf8')), {})
    return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.length
  } catch (error) {
    throw new FileError(`${path}: not the tokenizer.json of a Hugging Face tokenizer: ${(error as Error).message}`)
  }
}
