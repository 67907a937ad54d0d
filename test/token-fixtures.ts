import { type Role, sha256 } from '../src/service/access/tokens.js'

/** The token of a name; as long as a real one, and easy to find where it must not be. */
export function tokenOf (name: string): string {
  return `stopgate_secret-of-${name}-${'0123456789abcdef'.repeat(2)}`
}

export function bearer (name: string): { authorization: string } {
  return { authorization: `Bearer ${tokenOf(name)}` }
}

/**
 * The setting that knows tokens by name, with a role and maybe a prefix: `{ ci: 'operator', tenant: 'worker model=q' }`.
 * @param limits by name, further fields of their items
 */
export function tokenList (tokens: Record<string, Role | `${Role} ${string}`>, limits: Record<string, object> = {}): string {
  return JSON.stringify(Object.entries(tokens).map(([name, words]) => {
    const [role, prefix] = words.split(' ')
    return { name, role, sha256: sha256(tokenOf(name)), ...(prefix !== undefined && { prefix }), ...limits[name] }
  }))
}
