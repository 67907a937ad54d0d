/** The engine lacks what its dialect needs, such as its tokenizer route: the request is passed through. */
export class DialectError extends Error { override name = 'DialectError' }
