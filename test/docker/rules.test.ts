import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { exportedMetrics, metricsIn } from './exported-metrics.js'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string, readonly runbook_url: string }
}

const PAGE = 'docs/operate/alerts.md'
const RULES = 'docker/prometheus/rules.yml'

const rules: Rule[] = parse(await readFile(RULES, 'utf8')).groups.flatMap((group: { rules: Rule[] }) => group.rules)

t.test('every alert links to its paragraph, which begins with its severity', async (t) => {
  const page = await readFile(PAGE, 'utf8')
  for (const { alert, labels: { severity }, annotations } of rules) {
    t.equal(annotations.runbook_url, `${PAGE}#${alert.toLowerCase()}`, alert)
    t.match(page, `\n### ${alert}\n\n*${severity}.* `, `${alert} has its heading and its severity`)
    t.ok(annotations.summary.length > 0, `${alert} says what happens`)
  }
  const headings = [...page.matchAll(/^### (\S+)$/gm)].map(([, name]) => name)
  t.same(headings.sort(), rules.map(({ alert }) => alert).sort(), 'and every paragraph has its alert')
})

t.test('every rule reads metrics that the service or the proxy exports', async (t) => {
  const exported = await exportedMetrics(t)
  for (const { alert, expr } of rules) {
    const names = metricsIn(expr)
    for (const name of names) t.ok(exported.has(name), `${alert}: ${name}`)
    t.ok(names.length > 0 || expr.includes('up{job="stopgate"}'), `${alert} reads a metric`)
  }
})
