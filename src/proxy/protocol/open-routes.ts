/** Routes that only read what every client may see. */
const READ = new Set(['/v1/models', '/health', '/v1/health', '/version', '/api/tags', '/api/version'])

/** Routes that take a prompt: of OpenAI and Anthropic, and those of vLLM, SGLang, llama.cpp and Ollama. */
const ASK = new Set([
  '/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages', '/v1/messages/count_tokens', '/v1/embeddings',
  '/generate', '/completion', '/infill', '/tokenize', '/detokenize', '/apply-template',
  '/api/chat', '/api/generate', '/api/embed', '/api/show',
])

/** Decides whether a request may go to the model server, by its method and target. */
export type OpenRoutes = (method: string, target: string) => boolean

/** Patterns of paths, such as `/v1/audio/*`, or `*` alone. */
export const ROUTE_PATTERNS = '^(\\*|/[^,\\s]*(, ?/[^,\\s]*)*)?$'

/**
 * The routes that clients need are open. Model servers have others on the same port, without a check of their own, that load weights, empty
 * caches or show the prompts of others. Paths are compared as they were sent: no spelling of another route is on the list.
 * @param more patterns of further paths that are open to every method, where `*` stands for any text
 */
export function openRoutes (more: string): OpenRoutes {
  const patterns = more.split(',').map((pattern) => pattern.trim()).filter((pattern) => pattern !== '').map((pattern) =>
    new RegExp(`^${pattern.split('*').map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&')).join('.*')}$`, 's'))
  return (method, target) => {
    const path = target.replace(/\?.*/s, '')
    const mayRead = READ.has(path) || path.startsWith('/v1/models/')
    const isOpen = method === 'OPTIONS' ? mayRead || ASK.has(path) : method === 'POST' ? ASK.has(path) : /^(GET|HEAD)$/.test(method) && mayRead
    return isOpen || patterns.some((pattern) => pattern.test(path))
  }
}
