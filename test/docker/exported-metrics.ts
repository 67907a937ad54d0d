import { readFile } from 'node:fs/promises'
import type { Test } from 'tap'
import { ProxyMetrics } from '../../src/proxy/proxy-metrics.js'
import { build } from '../helper.js'

/** The metrics of the proxy before its first request. */
export function idleProxyMetrics (): Promise<string> {
  const reports = () => ({ reported: 0, refused: 0, dropped: 0, waiting: 0 })
  const zero = () => 0
  return new ProxyMetrics({ isCircuitOpen: () => false, inFlight: zero, heldBytes: zero, enrolled: zero, reports }).registry.metrics()
}

const PLUG_IN = 'clients/python/src/stopgate/vllm_plugin/counts.py'

/** The counters of vLLM's plug-in, which are all declared in one table. */
async function plugInMetrics (): Promise<string[]> {
  const [, table] = /^_METRICS = \{\n(.*?)^\}/ms.exec(await readFile(PLUG_IN, 'utf8'))!
  return [...table!.matchAll(/^ {4}"(\w+)":/gm)].map(([, name]) => `stopgate:${name}_total`)
}

/** The names of all metrics of the service, the proxy and vLLM's plug-in. */
export async function exportedMetrics (t: Test): Promise<ReadonlySet<string>> {
  const { app } = await build(t)
  const text = (await app.inject('/metrics')).body + await idleProxyMetrics()
  return new Set([...[...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!), ...await plugInMetrics()])
}

/** The metrics of ours, and those of the process, that a query reads. Buckets and counts belong to the histogram of their name. */
export function metricsIn (query: string): string[] {
  return (query.match(/\b(stopgate(_|:(?=[a-z]))|process_|nodejs_)\w+/g) ?? []).map((name) => name.replace(/_(bucket|count|sum)$/, ''))
}
