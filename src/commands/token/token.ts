import { randomBytes } from 'node:crypto'
import { isName, NAME_RULE, ROLES, sha256, type Role } from '../../access/tokens.js'
import { parseFlags } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { UsageError } from '../command-line/command-error.js'

export const usage = `Usage: stopgate token [NAME [ROLE]]

Makes a token: 256 random bits. The first line is for the client, which sends it as \`authorization: Bearer TOKEN\`; keep it secret.
The second is for the service: an item of the list in ACCESS_TOKENS, or in the file that ACCESS_TOKENS_FILE names. It has the token's
SHA-256 alone, from which nobody gets the token back; do not put the hash of a word there, which can be guessed.

  NAME   who has it, as the log says; of its own in the list (the role, and something random)
  ROLE   worker: decide and report; trainer: report checkpoints of training runs; operator: everything; metrics: scrape and nothing else (worker)

With "prefix": "model=q" in its item a worker, trainer or operator is bound to that context and those below. With "requests_per_second" and
"outcomes_per_hour" (numbers) it is held to as much, in each replica.
To replace a token: put the new one beside the old one, change the clients over, take the old one out.
`

/** `stopgate token`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  const { positionals } = parseFlags(args, {})
  if (positionals.length > 2) throw new UsageError(`token takes a name and a role, not ${JSON.stringify(positionals[2])} too`)
  const role = (positionals[1] ?? 'worker') as Role
  if (!ROLES.includes(role)) throw new UsageError(`the roles are ${ROLES.join(', ')}, not ${JSON.stringify(role)}`)
  const name = positionals[0] ?? `${role}-${randomBytes(3).toString('hex')}`
  if (!isName(name)) throw new UsageError(`${NAME_RULE}; ${JSON.stringify(name)} is not`)
  const token = `stopgate_${randomBytes(32).toString('base64url')}` // a prefix that scanners for leaked secrets can look for
  await writeAll(stdout, `${token}\n${JSON.stringify({ name, role, sha256: sha256(token) })}\n`)
}
