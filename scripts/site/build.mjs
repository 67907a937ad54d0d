/*
 * Builds the site of the documentation into dist/site. VitePress finds its packages only for pages below its own folder, so they are copied
 * there first.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OTHERS } from './pages.mjs'

const SITE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(SITE, '../..')
const pages = join(SITE, 'pages')

rmSync(pages, { recursive: true, force: true })
for (const path of ['docs', ...OTHERS]) {
  mkdirSync(dirname(join(pages, path)), { recursive: true })
  cpSync(join(ROOT, path), join(pages, path), { recursive: true })
}
execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: SITE, stdio: 'inherit' })
execFileSync(join(SITE, 'node_modules/.bin/vitepress'), ['build', '.'], { cwd: SITE, stdio: 'inherit' })
