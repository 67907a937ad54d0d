import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { ALONE, GROUPS, SLOW } from './groups/run-group.js'

/** Whether a file declares anything that runs; types alone cannot be tested. */
function hasRuntimeCode (file: string): boolean {
  return /^export (async )?(function|const|let|class|default|\{)|^[a-z]\w*\(|^await /m.test(readFileSync(file, 'utf8'))
}

function filesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(folder, file))
}

const sources = ['src', 'routes', 'openapi'].flatMap(filesIn)

t.test('every source file has a test of its name, since coverage sees only files that a test loads', async (t) => {
  t.ok(sources.length > 20, 'the source files are found')
  const testOf = (source: string) => join('test', source.replace(/^src\//, '').replace(/\.ts$/, '.test.ts'))
  t.same(sources.filter((source) => hasRuntimeCode(source) && !existsSync(testOf(source))), [])
})

t.test('no two source files share a base name, so that a name finds one file', async (t) => {
  const names = sources.map((source) => basename(source))
  t.same(sources.filter((source) => names.indexOf(basename(source)) !== names.lastIndexOf(basename(source))), [])
})

t.test('npm test runs every test file, alone or in one group', async (t) => {
  const tests = filesIn('test').filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/groups/'))
  const grouped: string[] = Object.values(GROUPS).flat()
  const runsOf = (file: string) => {
    const [folder, ...names] = file.replace(/^test\//, '').replace('.test.ts', '').split('/')
    const isAlone = names.length === 0 || ALONE.includes(folder!) || ALONE.includes([folder, ...names].join('/'))
    return isAlone ? 1 : grouped.filter((name) => name === folder).length
  }
  t.same(tests.filter((file) => runsOf(file) !== 1), [], 'list the folder in test/groups/run-group.ts, or in .taprc')
  const groupFiles = [...Object.keys(GROUPS).map((name) => `${name}.test.ts`), 'run-group.ts']
  t.same(readdirSync('test/groups').sort(), groupFiles.sort(), 'every group has its file')
  t.same(ALONE.filter((path) => !existsSync(`test/${path}`) && !existsSync(`test/${path}.test.ts`)), [], 'what .taprc lists exists')
  t.same(SLOW.filter((path) => !existsSync(`test/${path}.test.ts`)), [], 'what test/groups/run-group.ts leaves out of quick runs exists')
})
