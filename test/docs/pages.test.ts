import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { SettingsSchema } from '../../src/service/config/settings.js'
import { ProxySettingsSchema } from '../../src/proxy/proxy-settings.js'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import { blocksOf, PAGES, proseOf, readPage } from './pages.js'

const LONGEST: Readonly<Record<string, number>> = { 'README.md': 250, 'docs/reference/cli.md': 330 }

/** Each of these is run, sent, parsed or compared by a test. */
const LANGUAGES = ['bash', 'json', 'jsonl', 'python', 'yaml', 'promql', 'text']

/** Words in capitals that are not settings. */
const OF_OPEN_TELEMETRY = /^OTEL_/
const OTHER_VARIABLES = [
  'STOPGATE_CONTEXTS', 'STOPGATE_GOLD', 'STOPGATE_PROBE_SEATS', 'STOPGATE_TRUST_CLIENTS', 'STOPGATE_TOKEN', 'STOPGATE_URL', 'STOPGATE_WHEEL', 'VLLM_PLUGINS', 'NODE_EXTRA_CA_CERTS', ...ERROR_CODES.map(({ code }) => code)]

/** The relative links of a page. */
function linksOf (page: string): { target: string, anchor: string }[] {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
  return links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => {
    const [path = '', anchor = ''] = link.split('#')
    return { target: path === '' ? page : normalize(join(dirname(page), path)), anchor }
  })
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf (page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

t.test('no page is too long to read', async (t) => {
  for (const page of PAGES) {
    const lines = readPage(page).trimEnd().split('\n').length
    t.ok(lines <= (LONGEST[page] ?? 300), `${page} has ${lines} lines`)
  }
})

t.test('every relative link leads to a page and a heading that exist', async (t) => {
  for (const page of PAGES) {
    for (const { target, anchor } of linksOf(page)) {
      t.ok(existsSync(target), `${page} links to ${target}`)
      if (anchor !== '') t.ok(anchorsOf(target).includes(anchor), `${page} links to ${target}#${anchor}`)
    }
  }
})

t.test('every file, folder, setting and script that a page names exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const settings = [SettingsSchema, ProxySettingsSchema].flatMap(({ properties }) => Object.keys(properties)).concat(OTHER_VARIABLES)
  for (const page of PAGES) {
    const text = readPage(page)
    for (const [, path] of text.matchAll(/[` ]((?:src|routes|test|docker|openapi|scripts)\/[\w./-]*\w)/g)) {
      t.ok(['', '.ts', '.js'].some((ending) => existsSync(path + ending)), `${page} names ${path}`)
    }
    for (const [, name] of text.matchAll(/npm run ([a-z:]+)/g)) t.ok(name! in scripts, `${page} names npm run ${name}`)
    for (const [, name] of text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)\b/g)) t.ok(settings.includes(name!) || OF_OPEN_TELEMETRY.test(name!), `${page} names ${name}`)
  }
})

t.test('the README, or an index that it leads to, links to every page', async (t) => {
  const linked = ['README.md', 'docs/README.md', 'CONTRIBUTING.md', 'docs/decisions.md'].flatMap((index) => linksOf(index).map(({ target }) => target))
  for (const page of PAGES.slice(1)) t.ok(linked.includes(page), page)
})

t.test('every page starts with its title', async (t) => {
  for (const page of PAGES) t.match(readPage(page), /^# \S/, page)
})

t.test('every table starts with a header, so no empty line splits one', async (t) => {
  for (const page of PAGES) t.notMatch(proseOf(page), /\n\n\|.*\n(?!\| ?-)/, page)
})

t.test('every code block is fenced and names a language that a test checks', async (t) => {
  for (const page of PAGES) {
    for (const { line, language } of blocksOf(page)) t.ok(LANGUAGES.includes(language), `${page}:${line} is in ${language || 'no language'}`)
    t.notMatch(proseOf(page), /\n\n {4}\S/, `${page} has no indented code`)
  }
})
