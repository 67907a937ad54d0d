import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

/** The folders of ARCHITECTURE.md's table, lowest first. */
const FOLDERS = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `(.+)` \|/gm)].map(([, folder]) => folder!)

/** The folder of the table that a file belongs to: the deepest one that holds it. */
function folderOf (file: string): string {
  const folder = FOLDERS.filter((candidate) => file.startsWith(`${candidate}/`)).sort((a, b) => b.length - a.length)[0]
  if (folder === undefined || (folder === 'src' && dirname(file) !== 'src')) throw new Error(`ARCHITECTURE.md does not list the folder of ${file}`)
  return folder
}

const files = ['src', 'routes', 'openapi'].flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file)).map((file) => join(root, file)))

/** The files that a file imports, types included. */
const imports = new Map(files.map((file) => {
  const specifiers = readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.[^']+)\.js'/g)
  const sourceOf = (path: string) => [`${path}.ts`, `${path}.tsx`].find((source) => files.includes(source)) ?? `${path}.ts`
  return [file, [...specifiers].map(([, path]) => sourceOf(normalize(join(dirname(file), path!))))] as const
}))

t.test('a file imports from its own folder and from folders above it in ARCHITECTURE.md', async (t) => {
  for (const [file, targets] of imports) {
    const place = FOLDERS.indexOf(folderOf(file))
    t.same(targets.filter((target) => FOLDERS.indexOf(folderOf(target)) > place), [], `${file} imports only what it may`)
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
