import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Whether a file declares anything that runs; types alone cannot be tested. */
function runs (file: string): boolean {
  return /^export (async )?(function|const|let|class|default|\{)|^[a-z]\w*\(|^await /m.test(readFileSync(file, 'utf8'))
}

function sourcesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(folder, file))
}

t.test('test/ mirrors the tree name for name, since coverage sees only files that a test loads', async (t) => {
  const sources = ['src', 'routes', 'openapi'].flatMap(sourcesIn)
  t.ok(sources.length > 20, 'the tree was found')
  for (const source of sources.filter(runs)) {
    const test = join('test', source.replace(/^src\//, '').replace(/\.ts$/, '.test.ts'))
    t.ok(existsSync(test), `${source} is tested by ${test}`)
  }
})

t.test('no two source files share a base name, so that a name finds one file', async (t) => {
  const paths = new Map<string, string>()
  for (const source of ['src', 'routes', 'openapi'].flatMap(sourcesIn)) {
    const name = source.replace(/.*\//, '')
    t.equal(paths.get(name), undefined, `${source} has a name of its own`)
    paths.set(name, source)
  }
})
