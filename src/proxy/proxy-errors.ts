/** An error in the form that OpenAI's clients read. */
export function errorBody (message: string, code: string): string {
  return JSON.stringify({ error: { message: `stopgate proxy: ${message}`, type: 'server_error', param: null, code } })
}
