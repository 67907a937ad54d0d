import { readFile } from 'node:fs/promises'
import t from 'tap'
import { ContextDetailSchema, contextFields, ContextPageSchema } from '../../openapi/context-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify, KEY } from '../certify.js'
import { build, until } from '../helper.js'

t.test('an interval is null or has both ends', async (t) => {
  const problem = itemValidator(contextFields.em)
  const em = { full: 0.9, drop: 0, drop_if_missing_lost: 0 }
  t.equal(problem({ ...em, interval: null }), null)
  t.equal(problem({ ...em, interval: [-0.1, 0.1] }), null)
  t.match(problem({ ...em, interval: [-0.1] }), { path: '/interval' })
})

type Schema = Readonly<Record<string, unknown>>

/** The fields of a schema in the document that are no objects with fields of their own. Arrays and maps count once. */
function leavesOf (document: Schema, schema: Schema, path: string): string[] {
  if (typeof schema.$ref === 'string') {
    const target = schema.$ref.slice(2).split('/').reduce<unknown>((at, name) => (at as Schema)[name], document)
    return leavesOf(document, target as Schema, path)
  }
  const parts = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((some) => (some ?? []) as Schema[])
  const own = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
    .flatMap(([name, field]) => leavesOf(document, field, path === '' ? name : `${path}.${name}`))
  const leaves = [...new Set([...own, ...parts.flatMap((part) => leavesOf(document, part, path))])].filter((leaf) => leaf !== path)
  return leaves.length === 0 ? [path] : leaves
}

const MOST_FIELDS = 80

t.test('the reply of a context has at most 80 fields', async (t) => {
  const document = JSON.parse(await readFile('openapi/openapi.json', 'utf8'))
  const reply = document.paths['/v1/contexts/{key}'].get.responses['200'].content['application/json'].schema
  const leaves = leavesOf(document, reply, '')
  t.ok(['key', 'context', 'pool.left_at', 'guarantee.total_em_drop_bound', 'arms', 'fidelity.interval', 'members.worst', 'thresholds'].every((leaf) => leaves.includes(leaf)), leaves.join(' '))
  t.notOk(leaves.includes('guarantee') || leaves.includes('members'), 'references and nullable objects are counted by their fields')
  t.ok(leaves.length <= MOST_FIELDS, `${leaves.length}: ${leaves.join(' ')}`)
})

t.test('replies match their schemas without losing a field', async (t) => {
  const built = await build(t)
  const { length: generations } = await certify(built)
  await until('every outcome is learned', async () => (await built.contexts.get(KEY))?.generations.control === generations)
  await built.send('PUT', `/v1/contexts/${encodeURIComponent(KEY)}/pin`, { threshold: 0.5, reason: 'test' })
  await until('the pin is learned, which restarts the arms', async () => (await built.contexts.get(KEY))!.arms[0]!.generations === 0)
  const { body } = await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
  t.equal(itemValidator(ContextDetailSchema)(body), null)
  t.strictSame(body, await built.contexts.get(KEY))
  t.equal(itemValidator(ContextPageSchema)((await built.send('GET', '/v1/contexts')).body), null)
})
