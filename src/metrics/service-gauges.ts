import { Counter, Gauge, type Registry } from 'prom-client'
import { CONTEXT_WARNINGS } from '../core/judgement/context-warnings.js'
import { VERSION } from '../version/version.js'
import type { GaugeSources } from './gauge-sources.js'

/** Metrics of the model, the store and the learner of this replica. */
export function watchService (registers: Registry[], sources: GaugeSources): void {
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_build_info',
    help: '1, with the version of the service and of Node.js as labels',
    labelNames: ['version', 'node'],
    registers,
    collect () { this.set({ version: VERSION, node: process.version }, 1) },
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({ name: `stopgate_${name}`, help, registers, collect () { this.set(read()) } })
  gauge('model_version', 'Version of the model in force', sources.modelVersion)
  gauge('model_age_seconds', 'Seconds since the model was last in step with the store; +Inf if it never was', () => sources.modelAgeSeconds() ?? Infinity)
  gauge('store_up', '1 if the last contact with the store succeeded and it takes writes, else 0', () => sources.isStoreUp() ? 1 : 0)
  gauge('learner_leader', '1 on the replica that is the learner, else 0', () => sources.isLeader() ? 1 : 0)
  gauge('configuration_differs', '1 if another replica has other CONTEXT_LEVELS or another DEFAULT_POLICY, else 0', () => sources.isConfiguredApart() ? 1 : 0)
  new Counter({ // eslint-disable-line no-new
    name: 'stopgate_outcomes_without_context_total',
    help: 'Outcomes that counted only for parent contexts because MAX_CONTEXTS was reached (on the learner)',
    registers,
    collect () { this.reset(); this.inc(sources.refused()) },
  })
  gauge('pins', 'Pins in force, including those of rollbacks', sources.pins)
  gauge('outcome_log_lag', 'Log entries that the learner has not processed yet, at the last poll', sources.lag)
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_contexts_warned',
    help: 'Contexts whose workers report amiss, by warning: outcomes_missing (generations are enrolled, but none of their outcomes comes), ' +
      'outcomes_not_enrolled (most outcomes are of generations that were not enrolled), no_net_savings (probes cost more than stopping ' +
      'would save), signals_refused (signals have too many names)',
    labelNames: ['warning'],
    registers,
    collect () {
      for (const warning of CONTEXT_WARNINGS) this.set({ warning }, 0)
      for (const { warnings } of sources.links()) for (const warning of warnings) this.inc({ warning })
    },
  })
}
