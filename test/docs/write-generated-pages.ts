import { writeFileSync } from 'node:fs'
import { generatedPages } from './generated-pages.js'

// `npm run docs`: writes the pages that are made from the code.
for (const [page, text] of Object.entries(await generatedPages())) writeFileSync(page, text)
