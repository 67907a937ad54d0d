import type { DialectName } from '../proxy-settings.js'
import type { Dialect, DialectParts } from './dialect.js'
import { createLlamaCpp } from './llama-cpp.js'
import { createPlain } from './plain.js'
import { createSglang } from './sglang.js'
import { createVllm } from './vllm.js'

type Create = (parts: DialectParts) => Dialect

export const DIALECTS: Readonly<Record<DialectName, Create>> = {
  vllm: createVllm, 'llama.cpp': createLlamaCpp, sglang: createSglang, plain: createPlain,
}
