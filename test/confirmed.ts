import type { Built } from './helper.js'

/** Sends what needs a confirmation, as operators do: a dry run first. */
export async function sendConfirmed ({ send }: Pick<Built, 'send'>, ...request: Parameters<Built['send']>): ReturnType<Built['send']> {
  const [method, url, body, headers] = request
  const query = (manner: string) => `${url}${url.includes('?') ? '&' : '?'}${manner}`
  const tried = await send(method, query('dry_run=true'), body, headers)
  return await send(method, query(`confirm=${tried.body.confirm}`), body, headers)
}
