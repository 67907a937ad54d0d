import { applyCheckpoint } from './apply-checkpoint.js'
import { applyPin } from './apply-pin.js'
import { applyConfiguration, applyPolicy } from './apply-policy.js'
import { applyPredictor } from './apply-predictor.js'
import { applyProbeForm } from './apply-probe-form.js'
import { applyImport, applyReset } from './apply-reset.js'
import type { Fold } from './fold.js'
import type { LogEntry } from './log-entry.js'

type CommandType = 'policy' | 'pin' | 'configuration' | 'reset' | 'checkpoint' | 'predictor' | 'probe_form' | 'import'

/** Folds entries about contexts. Those about generations have functions of their own. */
export function applyCommand (fold: Fold, time: number, entry: Extract<LogEntry, { type: CommandType }>): void {
  switch (entry.type) {
    case 'policy': return applyPolicy(fold, time, entry.key, entry.policy, entry)
    case 'pin': return applyPin(fold, time, entry.key, entry.pin, entry)
    case 'configuration': return applyConfiguration(fold, time, entry.configuration)
    case 'reset': return applyReset(fold, time, entry)
    case 'checkpoint': return applyCheckpoint(fold, time, entry)
    case 'predictor': return applyPredictor(fold, time, entry)
    case 'probe_form': return applyProbeForm(fold, time, entry)
    case 'import': return applyImport(fold, time, entry)
  }
}
