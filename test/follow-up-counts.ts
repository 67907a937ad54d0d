type Get = (path: string) => Promise<{ readonly body: any }>

/** The generations of a context by the states that the metric `stopgate_context_follow_up` has; none before the first outcome. */
export async function countsOf (get: Get, key: string): Promise<Record<string, number>> {
  const { body } = await get('/metrics')
  const lines = String(body).split('\n').filter((line) => line.startsWith(`stopgate_context_follow_up{context="${key}",`))
  return Object.fromEntries(lines.map((line) => [/state="(\w+)"/.exec(line)![1]!, Number(line.slice(line.lastIndexOf(' ')))]))
}
