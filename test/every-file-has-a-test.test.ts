import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Types and nothing else: there is nothing to run. */
const DECLARATIONS = ['src/core/log-entry.ts', 'src/parts.ts', 'src/store/store.ts']

function sourcesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(folder, file))
}

t.test('test/ mirrors the tree name for name: coverage sees only files that a test loads', async (t) => {
  const sources = ['src', 'routes', 'openapi'].flatMap(sourcesIn)
  t.ok(sources.length > 20, 'the tree was found')
  for (const source of sources) {
    if (DECLARATIONS.includes(source)) continue
    const test = join('test', source.replace(/^src\//, '').replace(/\.ts$/, '.test.ts'))
    t.ok(existsSync(test), `${source} is tested by ${test}`)
  }
  for (const file of DECLARATIONS) t.ok(sources.includes(file), `${file} still exists`)
})
