import { CONTEXT, KEY } from '../certify.js'

/** An outcome of a treated generation, which counts without having been enrolled. */
export function treatedOutcome (id: string, context: Record<string, string> = CONTEXT) {
  return { generation_id: id, samples: 1, arm: 'treated', context, tokens: 64, em: 1, answer: id }
}

type Get = (path: string) => Promise<{ body: any }>

/** How many treated generations a context has counted. */
export async function treatedGenerations (get: Get, key = KEY): Promise<number> {
  return (await get(`/v1/contexts/${encodeURIComponent(key)}`)).body.generations?.treated
}
