import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

function filesIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file))
}

const sources = ['src', 'routes', 'openapi'].flatMap(filesIn)
const tests = filesIn('test').filter((file) => file.endsWith('.test.ts'))

/**
 * The project's files that a file loads: its imports, types excluded. A test may also name a module in another way, such as a worker or a
 * module that it imports itself; a source file that loads another one lazily does not count, since that may never happen in a test.
 */
function loadedBy (file: string): string[] {
  const code = withoutTypes(readFileSync(file, 'utf8'))
  if (!file.startsWith('test/')) {
    const imports = code.matchAll(/^(?:import|export|\}) .*?from '(\.[^']+)\.js'/gm)
    return [...imports].flatMap(([, path]) => sourcesAt(join(dirname(file), path!)))
  }
  const relative = [...code.matchAll(/['"`](\.\.?\/[^'"`\s]+?)(?:\.[cm]?[jt]sx?|\$\{[^}]*\})['"`]/g)]
    .map(([, path]) => normalize(join(dirname(file), path!)))
  const fromRoot = [...code.matchAll(/['"`](?:\.\/|dist\/)?((?:src|routes|openapi)\/[^'"`\s]+?)\.[jt]sx?['"`]/g)].map(([, path]) => path!)
  return [...relative, ...fromRoot].flatMap(sourcesAt)
}

const sourcesAt = (path: string): string[] => [`${normalize(path)}.ts`, `${normalize(path)}.tsx`].filter((source) => existsSync(source))

/** The code without imports of types alone. */
function withoutTypes (code: string): string {
  return code.replace(/^import type [^']*'[^']*'$/gm, '').replace(/^import \{(?:\s*type [^,}]+,?)+\s*\} from '[^']*'$/gm, '')
}

t.test('no source file has more than 400 lines', async (t) => {
  t.same(sources.filter((file) => readFileSync(file, 'utf8').split('\n').length > 401), [])
})

t.test('a test loads every source file, directly or by its imports, since coverage lists loaded files only', async (t) => {
  t.ok(sources.length > 20 && tests.length > 20, 'the files are found')
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const target of loadedBy(file)) visit(target)
  }
  for (const file of tests) visit(file)
  const declaresOnlyTypes = (file: string) => !/^(export )?(default |async )*(function|const|let|class|await)\b|^[a-z]\w*\(|^export [*{]/m.test(readFileSync(file, 'utf8'))
  t.same(sources.filter((file) => !loaded.has(file) && !declaresOnlyTypes(file)), [])
})
