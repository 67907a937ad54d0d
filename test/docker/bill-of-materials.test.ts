import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../helper.js'

const npm = { bomFormat: 'CycloneDX', specVersion: '1.5', components: [{ name: 'fastify', version: '5.0.0', purl: 'pkg:npm/fastify@5.0.0' }] }
const paragraph = (name: string, version: string) => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\nDescription: some\n more: of it\n`

async function billOf (t: Test, files: Record<string, string>) {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'status.d'))
  for (const [name, text] of Object.entries({ 'npm.json': JSON.stringify(npm), ...files })) await writeFile(join(folder, name), text)
  const { stdout } = await promisify(execFile)(process.execPath, ['docker/bill-of-materials.mjs', join(folder, 'npm.json'), folder])
  return JSON.parse(stdout)
}

const purls = ({ components }: { components: Array<{ purl: string }> }) => components.map(({ purl }) => purl)
const NODE = `pkg:generic/node@${process.versions.node}`

t.test('the bill lists npm packages, Node.js and the Debian packages of a distroless base image', async (t) => {
  const bill = await billOf(t, { 'status.d/libc6': paragraph('libc6', '2.41-12'), 'status.d/libc6.md5sums': 'Package: no', 'status.d/libstdc++6': paragraph('libstdc++6', '1:14.2.0~rc+1') })
  t.match(bill, { bomFormat: 'CycloneDX', specVersion: '1.5' })
  t.same(purls(bill), ['pkg:npm/fastify@5.0.0', NODE, 'pkg:deb/debian/libc6@2.41-12?arch=amd64', 'pkg:deb/debian/libstdc%2B%2B6@1%3A14.2.0~rc%2B1?arch=amd64'])
})

t.test('the bill lists the packages of a full Debian base image', async (t) => {
  const bill = await billOf(t, { status: `${paragraph('bash', '5')}\n${paragraph('dpkg', '1.22')}` })
  t.same(purls(bill).slice(2), ['pkg:deb/debian/bash@5?arch=amd64', 'pkg:deb/debian/dpkg@1.22?arch=amd64'])
})

t.test('a base image that lists no packages is an error', async (t) => {
  await t.rejects(billOf(t, {}), /the bill would not be whole/)
})
