/** The upstream answered with an error, with what is no JSON, or with more than is read whole. */
export class UpstreamError extends Error { override name = 'UpstreamError' }
