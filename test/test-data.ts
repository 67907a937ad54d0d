import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** Real generations; see test/data/README.md. */
export type TraceFile = 'frontier-self-consistency' | 'older-self-consistency' | 'reasoner'

/** Where a trace file lies, which `stopgate evaluate` reads as it is. */
export const tracePath = (file: TraceFile): string => `test/data/traces/${file}.jsonl.gz`

/** The text of a trace file, one outcome a line. */
export const tracesText = (file: TraceFile): string => gunzipSync(readFileSync(tracePath(file))).toString()

/** Values that an independent implementation computed. */
export const vectors = (file: 'certificate' | 'dev-traces' | 'evidence') => JSON.parse(readFileSync(`test/data/vectors/${file}.json`, 'utf8'))
