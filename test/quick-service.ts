import { serve } from '../src/app/server.js'

// An entry point for tests alone: `stopgate serve` with the times of enrolment given in JSON as the only argument.
// Processes that the service starts run the same entry point with the same argument.
await serve({ env: process.env, times: JSON.parse(process.argv[2]!) })
