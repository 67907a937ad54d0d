// Writes what an image holds as a CycloneDX document: what `npm sbom` lists, Node.js, and the Debian packages of the base it runs on.
// Usage: node bill-of-materials.mjs NPM_SBOM [DPKG_FOLDER] > sbom.cdx.json
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [npmSbom, dpkg = '/var/lib/dpkg'] = process.argv.slice(2)

/** Debian's own table, or the folder that distroless images have in its place. */
function statusFiles () {
  const folder = join(dpkg, 'status.d')
  const several = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.md5sums')).map((name) => join(folder, name)) : []
  return [join(dpkg, 'status'), ...several].filter((file) => existsSync(file))
}

function debianPackages () {
  const paragraphs = statusFiles().flatMap((file) => readFileSync(file, 'utf8').split(/\n\n+/))
  return paragraphs.flatMap((paragraph) => {
    const { Package: name, Version: version, Architecture: arch } = Object.fromEntries(paragraph.split('\n').map((line) => line.split(/: (.*)/s)))
    if (!name || !version) return []
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}`
    return [{ 'bom-ref': purl, type: 'library', name, version, purl }]
  })
}

const debian = debianPackages()
if (debian.length === 0) throw new Error(`no package in ${dpkg}: the bill would not be whole`)
const version = process.versions.node
const node = { 'bom-ref': `node@${version}`, type: 'platform', name: 'node', version, purl: `pkg:generic/node@${version}` }
const bill = JSON.parse(readFileSync(npmSbom, 'utf8'))
console.log(JSON.stringify({ ...bill, components: [...bill.components, node, ...debian] }, null, 2))
