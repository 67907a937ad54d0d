import { serve } from '../src/app/server.js'
import { scaledTimes } from '../src/core/enrolment/enrolment-list.js'

// An entry point for tests alone: `stopgate serve` with the times of enrolment multiplied by the factor given as the only argument.
// Processes that the service starts run the same entry point with the same argument.
await serve({ env: process.env, times: scaledTimes(Number(process.argv[2])) })
