import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { ALONE, GROUPS, SLOW } from './groups/run-group.js'

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

t.test('npm test runs every test file, alone or in one group', async (t) => {
  const grouped = tests.filter((file) => !file.startsWith('test/groups/'))
  const groups: string[] = Object.values(GROUPS).flat()
  const runsOf = (file: string) => {
    const path = file.replace(/^test\//, '').replace('.test.ts', '')
    const isWithin = (folder: string) => path === folder || path.startsWith(`${folder}/`)
    return !path.includes('/') || ALONE.some(isWithin) ? 1 : groups.filter(isWithin).length
  }
  t.same(grouped.filter((file) => runsOf(file) !== 1), [], 'list the folder in test/groups/run-group.ts, or in .taprc')
  const groupFiles = [...Object.keys(GROUPS).map((name) => `${name}.test.ts`), 'run-group.ts']
  t.same(readdirSync('test/groups').sort(), groupFiles.sort(), 'every group has its file')
  const isGone = (path: string) => !existsSync(`test/${path}`) && !existsSync(`test/${path}.test.ts`)
  t.same([...ALONE, ...SLOW].filter(isGone), [], '.taprc and SLOW list only files and folders that exist')
  t.same(SLOW.filter((path) => ALONE.includes(path)), [], 'no test is listed in both')
})
