/** The upstream answered with an error, with invalid JSON, or with a body above the size limit. */
export class UpstreamError extends Error { override name = 'UpstreamError' }
