import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

const ARCHITECTURE = readFileSync('ARCHITECTURE.md', 'utf8')

/** The folders of the table of folders, lowest first. A file may stand for itself. */
const FOLDERS = [...ARCHITECTURE.matchAll(/^\| `(.+?)` \|/gm)].map(([, folder]) => folder!)
  .filter((folder) => /^(src|routes|openapi)\b/.test(folder) && !folder.includes(' '))

/** The parts of the table of parts, lowest first. */
const PARTS = [...ARCHITECTURE.matchAll(/^\| \[`(.+?)`\]\(.+?\) \|.*\| (.+) \|$/gm)]
  .map(([, part, allowed]) => ({ part: part!, allowed: allowed! }))

const isWithin = (file: string, place: string) => file === place || file.startsWith(`${place}/`)

/** The folder of the table that a file belongs to: the deepest that holds it. */
function folderOf (file: string): string {
  const folder = FOLDERS.filter((candidate) => isWithin(file, candidate)).sort((a, b) => b.length - a.length)[0]
  if (folder === undefined || (folder !== file && folder !== dirname(file))) throw new Error(`ARCHITECTURE.md does not list the folder of ${file}`)
  return folder
}

const files = ['src', 'routes', 'openapi'].flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file)).map((file) => join(root, file)))

/** The files that a file imports, types included. */
const imports = new Map(files.map((file) => {
  const specifiers = readFileSync(file, 'utf8').matchAll(/(?:from |import |import\()'(\.[^']+)\.js'/g)
  const sourceOf = (path: string) => [`${path}.ts`, `${path}.tsx`].find((source) => files.includes(source)) ?? `${path}.ts`
  return [file, [...specifiers].map(([, path]) => sourceOf(normalize(join(dirname(file), path!))))] as const
}))

t.test('a file imports from its own folder and from folders above it in ARCHITECTURE.md', async (t) => {
  for (const [file, targets] of imports) {
    const place = FOLDERS.indexOf(folderOf(file))
    t.same(targets.filter((target) => FOLDERS.indexOf(folderOf(target)) > place), [], `${file} imports only from above`)
  }
})

t.test('a part imports only the parts that ARCHITECTURE.md allows it, and has a short README', async (t) => {
  t.ok(PARTS.length > 5, 'the parts are found')
  /** Parts that the others name as "the parts above" and "all of these". */
  const placesOf = (allowed: string, index: number): string[] => {
    const named = [...allowed.matchAll(/`(.+?)`/g)].map(([, place]) => place!)
    const above = PARTS.slice(0, index).map(({ part }) => part).filter((part) => part !== 'src/proxy' || !allowed.includes('except the proxy'))
    if (allowed.startsWith('the parts above')) return [...named, ...above]
    return allowed.startsWith('all of these') ? [...above, 'src/errors', 'src/http', 'src/logging', 'src/settings', 'src/version.ts'] : named
  }
  for (const [index, { part, allowed }] of PARTS.entries()) {
    const places = [part, ...placesOf(allowed, index)]
    const foreign = [...imports].filter(([file]) => isWithin(file, part))
      .flatMap(([file, targets]) => targets.filter((target) => !places.some((place) => isWithin(target, place))).map((target) => `${file} -> ${target}`))
    t.same(foreign, [], `${part} may import: ${allowed}`)
    const readme = readFileSync(`${part}/README.md`, 'utf8').trimEnd().split('\n')
    t.ok(readme.length <= 30, `${part}/README.md has ${readme.length} lines`)
  }
})

/** Whether a file only names what other files export. */
function isListOfNames (file: string): boolean {
  const text = readFileSync(file, 'utf8').replace(/\/\*\*[\s\S]*?\*\//, '')
  return text.replace(/^export (?:type )?\{[^}]*\} from '[^']+'$/gm, '').trim() === ''
}

t.test('no file of src/core/learn imports more than twelve files: what an entry changes reads like a table of contents', async (t) => {
  const reached = (file: string): string[] => imports.get(file)!.flatMap((target) => isListOfNames(target) ? reached(target) : [target])
  const counts = files.filter((file) => isWithin(file, 'src/core/learn') && !isListOfNames(file)).map((file) => [file, new Set(reached(file)).size] as const)
  t.ok(counts.length > 20, 'the files are found')
  t.same(counts.filter(([, count]) => count > 12), [])
})

t.test('other parts import the core by its doors alone, and deciding imports nothing but policies', async (t) => {
  const isOfCore = (file: string) => isWithin(file, 'src/core')
  const isDoor = (file: string) => /^src\/core\/[\w-]+\/index\.ts$/.test(file)
  const around = [...imports].filter(([file]) => !isOfCore(file))
    .flatMap(([file, targets]) => targets.filter((target) => isOfCore(target) && !isDoor(target)).map((target) => `${file} -> ${target}`))
  t.same(around, [])
  t.same([...imports].filter(([file]) => isOfCore(file)).flatMap(([file, targets]) => targets.filter(isDoor).map((target) => `${file} -> ${target}`)), [], 'the core knows its own rooms')
  for (const file of files.filter(isDoor)) t.ok(isListOfNames(file), `${file} is a list of names`)
  const loaded = new Set<string>()
  const load = (file: string): void => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const target of imports.get(file) ?? []) load(target)
  }
  load('src/core/decide/index.ts')
  t.same([...loaded].filter((file) => !/^src\/core\/(decide|policy)\//.test(file)), [], 'stopgate/decide loads no evidence and no store')
})

t.test('the page imports types alone from the other parts', async (t) => {
  for (const file of files.filter((file) => isWithin(file, 'src/page'))) {
    const values = [...readFileSync(file, 'utf8').matchAll(/^import (?!type )[^']*'((?:\.\.\/)+(?:openapi|routes|core|service)[^']*)'/gm)]
    t.same(values.map(([, path]) => path), [], file)
  }
})

t.test('no files import each other in circles, types included', async (t) => {
  const done = new Set<string>()
  const path: string[] = []
  const circles: string[] = []
  function visit (file: string): void {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (done.has(file) || path.includes(file)) return
    path.push(file)
    for (const target of imports.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of files) visit(file)
  t.same(circles, [])
})

t.test('every folder of the table holds code', async (t) => {
  const used = new Set(files.map(folderOf))
  t.same(FOLDERS.filter((folder) => !used.has(folder)), [])
})

t.test('research uses support files of test/ and none of its tests, and nothing else uses research', async (t) => {
  const filesIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[cm]?tsx?$/.test(file)).map((file) => join(folder, file))
  const using = (path: RegExp) => (file: string) => path.test(readFileSync(file, 'utf8'))
  t.same([...files, ...filesIn('test')].filter(using(/['"`](?:\.\.\/)+research\//)), [])
  t.same(filesIn('research').filter(using(/['"`](?:\.\.\/)+test\/[^'"`]*\.test\.js/)), [])
})
