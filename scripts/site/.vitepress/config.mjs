/*
 * The site of the documentation: README.md is its first page, and every page is a file that is read in the repository, too. Links to
 * files that are no pages lead to the repository.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { OTHERS } from '../pages.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const { homepage, description } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const REPOSITORY = homepage.replace(/#.*$/, '')
const SECTIONS = ['Decide', 'Integrate', 'Operate', 'Understand', 'Look up']

const isPage = (path) => /^docs\/.*\.md$/.test(path) || OTHERS.includes(path)
const titleOf = (path) => /^# (.+)$/m.exec(readFileSync(join(ROOT, path), 'utf8'))[1].replaceAll('`', '')

/** The pages that each section of the README links to, in its order. */
function sidebar () {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  return SECTIONS.map((text) => {
    const [, list] = new RegExp(`^\\*\\*${text}\\*\\*\\n\\n([\\s\\S]*?)(?=\\n\\n(?:\\*\\*|#))`, 'm').exec(readme)
    const pages = [...new Set([...list.matchAll(/\]\(([^)#]+\.md)/g)].map(([, path]) => path))]
    return { text, collapsed: false, items: pages.map((path) => ({ text: titleOf(path), link: `/${path}` })) }
  })
}

/** Where a link of a page leads to on the site. */
function targetOf (link, page) {
  if (/^(?:[a-z]+:|#)/.test(link)) return link
  const [path, anchor] = link.split('#')
  const file = normalize(join(dirname(page), path)).replace(/\/$/, '')
  if (isPage(file)) return `/${file}${anchor === undefined ? '' : `#${anchor}`}`
  if (!existsSync(join(ROOT, file))) return link // a dead link, with which the build fails
  return `${REPOSITORY}/blob/main/${file}`
}

export default defineConfig({
  title: 'stopgate',
  description,
  srcDir: 'pages',
  outDir: '../../dist/site',
  cacheDir: 'node_modules/.cache',
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    html: false,
    languageAlias: { jsonl: 'json' },
    anchor: { slugify: (title) => title.trim().toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-') }, // as GitHub does
    config (markdown) {
      markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
        for (const token of tokens) if (token.type === 'fence' && token.info === 'promql') token.info = 'text' // no highlighter knows it
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.attrGet?.('href')
          if (token.type === 'link_open' && href != null) token.attrSet('href', targetOf(href, env.relativePath === 'index.md' ? 'README.md' : env.relativePath))
        }
      })
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: sidebar(),
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    outline: [2, 3],
  },
})
