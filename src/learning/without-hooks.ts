/**
 * Options of a worker thread that leave out what `--import` and NODE_OPTIONS have brought into the process: with Node.js 20, module hooks
 * can deadlock with the start of a thread, which then never runs.
 */
export const WITHOUT_HOOKS = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } }
