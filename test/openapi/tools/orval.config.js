/** The version that runs on Node 20 reads named exports. */
export const stopgate = {
  input: '../../../openapi/openapi.json',
  output: { target: 'generated/orval.ts', client: 'fetch', baseUrl: process.env.STOPGATE_URL },
}
