import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { generatedPages } from './generated-pages.js'

t.test('generated pages are up to date', async (t) => {
  for (const [page, text] of Object.entries(await generatedPages())) {
    t.equal(existsSync(page) ? readFileSync(page, 'utf8') : null, text, `${page}: run npm run docs`)
  }
})
