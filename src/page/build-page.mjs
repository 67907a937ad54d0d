// Bundles the operators' page into dist/page, with the licences of what is bundled.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

await build({
  entryPoints: ['src/page/page.tsx'],
  bundle: true,
  minify: true,
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
  outdir: 'dist/page',
})
for (const file of ['index.html', 'icon.svg']) copyFileSync(`src/page/${file}`, `dist/page/${file}`)
const licences = ['preact', 'uplot', 'eventsource-parser'].map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8')}`)
writeFileSync('dist/page/LICENSES.txt', licences.join('\n'))
