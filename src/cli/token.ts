import { randomBytes } from 'node:crypto'
import { isName, NAME_RULE, ROLES, sha256, type Role } from '../service/access/tokens.js'
import { parseFlags } from './command-line/flags.js'
import { writeAll, type CommandIo } from './command-line/command-io.js'
import { UsageError } from './command-line/command-error.js'

export const usage = `Usage: stopgate token [NAME [ROLE]]

Creates a random access token and prints two lines: the token, which the client sends as \`authorization: Bearer TOKEN\`,
and its entry, with a hash of the token, for the JSON list in ACCESS_TOKENS or in the file that ACCESS_TOKENS_FILE names.

  NAME   unique name of the client, which logs show (default: the role and a random suffix)
  ROLE   what the client may do (default: worker)
         worker    ask for decisions and report outcomes
         trainer   report checkpoints of training runs
         operator  everything
         metrics   read /metrics only

Fields that you may add to the entry:
  "prefix": "model=q"        limits a worker, trainer or operator to that context and those below it
  "requests_per_second": N   limits the rate of requests, in each replica
  "outcomes_per_hour": N     limits the rate of outcomes, in each replica

Example:
  stopgate token worker-1
`

/** `stopgate token`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  const { positionals } = parseFlags(args, {})
  if (positionals.length > 2) throw new UsageError(`token takes a NAME and a ROLE, but also got ${JSON.stringify(positionals[2])}`)
  const role = (positionals[1] ?? 'worker') as Role
  if (!ROLES.includes(role)) throw new UsageError(`the roles are ${ROLES.join(', ')}, not ${JSON.stringify(role)}`)
  const name = positionals[0] ?? `${role}-${randomBytes(3).toString('hex')}`
  if (!isName(name)) throw new UsageError(`${NAME_RULE}; ${JSON.stringify(name)} is not`)
  const token = `stopgate_${randomBytes(32).toString('base64url')}` // secret scanners can search for the prefix
  await writeAll(stdout, `${token}\n${JSON.stringify({ name, role, sha256: sha256(token) })}\n`)
}
