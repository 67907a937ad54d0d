import type { DialectName } from '../proxy-settings.js'
import type { Dialect, DialectParts } from './dialect.js'
import { createVllm } from './vllm.js'

type Create = (parts: DialectParts) => Dialect

export const DIALECTS: Readonly<Partial<Record<DialectName, Create>>> = {
  vllm: createVllm,
}
