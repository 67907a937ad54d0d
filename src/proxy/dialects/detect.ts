import { ownRequestHeaders, type RawHeaders } from '../hop-by-hop.js'
import type { DialectName } from '../proxy-settings.js'
import type { Upstream } from '../upstream.js'

const BY_OWNER: Readonly<Record<string, DialectName>> = { vllm: 'vllm', llamacpp: 'llama.cpp', sglang: 'sglang' }

/** Which model server it is, by what it calls itself in the list of its models. @throws UpstreamError, or what undici throws */
export async function detectDialect (upstream: Upstream, headers: RawHeaders): Promise<DialectName> {
  const { data } = await upstream.json('/v1/models', ownRequestHeaders(headers), undefined, AbortSignal.timeout(5000))
  const owners: unknown[] = Array.isArray(data) ? data.map((model) => model?.owned_by) : []
  const owner = owners.find((one) => typeof one === 'string' && Object.hasOwn(BY_OWNER, one))
  return owner === undefined ? 'plain' : BY_OWNER[owner as string]!
}
