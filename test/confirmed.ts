import type { Built } from './helper.js'

type Manner = { dry_run?: boolean, confirm?: string }

/** Sends what needs a confirmation, as operators do: a dry run first. */
export async function sendConfirmed ({ send }: Pick<Built, 'send'>, ...request: Parameters<Built['send']>): ReturnType<Built['send']> {
  const [method, url, body, headers] = request
  const query = (manner: string) => `${url}${url.includes('?') ? '&' : '?'}${manner}`
  const tried = await send(method, query('dry_run=true'), body, headers)
  return await send(method, query(`confirm=${tried.body.confirm}`), body, headers)
}

/** The same for a function. */
export async function giveConfirmed<W extends object, R extends { confirm: string }> (
  give: (wish: W & Manner) => Promise<R>, wish: W
): Promise<R> {
  const { confirm } = await give({ ...wish, dry_run: true })
  return await give({ ...wish, confirm })
}
