/** Where a value of a reply or request can be sent next: runtime expressions of OpenAPI, by parameter, and by field of the body. */
interface Target {
  readonly parameters?: Readonly<Record<string, string>>
  readonly requestBody?: unknown
}

interface Link extends Target { readonly operationId: string }

/** Links to the operations on a context. @param key expression of its key */
const context = (key: string): Record<string, Target> => {
  const target = { parameters: { key } }
  const names = ['getContext', 'getTradeoff', 'getWhatIf', 'listWantedLabels', 'getPolicy', 'patchPolicy', 'setPin', 'resetContext']
  return Object.fromEntries(names.map((name) => [name, target]))
}

const SAME_KEY = { parameters: { key: '$request.path.key' } }
const SAME_NAME = { parameters: { name: '$request.path.name' } }
const SAME_RUN = { parameters: { run: '$request.path.run' } }
/** The same call with the confirm of its dry run. */
const CONFIRMED = { parameters: { ...SAME_KEY.parameters, confirm: '$response.body#/confirm' }, requestBody: '$request.body' }
const NEXT_OF = (parameter: string): Target => ({ parameters: { [parameter]: '$response.body#/next' } })

/** By operation and status of the reply: which operations a client can call next, and with what of the reply. */
const NEXT: Readonly<Record<string, Readonly<Record<number, Readonly<Record<string, Target>>>>>> = {
  decide: {
    200: {
      getContext: { parameters: { key: '$response.body#/context' } },
      getTradeoff: { parameters: { key: '$response.body#/context' } },
      reportOutcome: { requestBody: { generation_id: '$request.body#/generation_id', arm: '$response.body#/arm' } },
    },
  },
  getBundle: { 200: { getBundle: { parameters: { 'if-none-match': '$response.header.ETag' } } } },
  reportEnrolments: { 202: { reportOutcome: { requestBody: { generation_id: '$request.body#/generations/0/generation_id' } } } },
  reportOutcome: { 202: { reportLabel: { parameters: { generation_id: '$request.body#/generation_id' } } } },
  reportOutcomes: { 202: { reportLabel: { parameters: { generation_id: '$request.body#/outcomes/0/generation_id' } } } },
  listContexts: { 200: { ...context('$response.body#/contexts/0/key'), listContexts: NEXT_OF('after') } },
  getContext: { 200: context('$response.body#/key') },
  listWantedLabels: { 200: { reportLabel: { parameters: { generation_id: '$response.body#/generation_ids/0' } } } },
  getPolicy: { 200: { replacePolicy: { ...SAME_KEY, requestBody: '$response.body#/policy' }, deletePolicy: SAME_KEY } },
  replacePolicy: { 200: { replacePolicy: CONFIRMED, getPolicy: SAME_KEY, deletePolicy: SAME_KEY } },
  patchPolicy: { 200: { patchPolicy: CONFIRMED, getPolicy: SAME_KEY } },
  setPin: { 200: { setPin: CONFIRMED, removePin: SAME_KEY, getContext: SAME_KEY } },
  resetContext: { 200: { resetContext: CONFIRMED }, 204: { getContext: SAME_KEY } },
  listCommands: { 200: { listCommands: NEXT_OF('before'), getContext: { parameters: { key: '$response.body#/commands/0/key' } } } },
  getModel: { 200: { startRollback: { requestBody: { version: '$response.body#/version' } } } },
  getHistory: {
    200: {
      getHistory: NEXT_OF('before'),
      startRollback: { requestBody: { version: '$response.body#/changes/0/version' } },
      getContext: { parameters: { key: '$response.body#/changes/0/key' } },
    },
  },
  startRollback: {
    200: { startRollback: { parameters: { confirm: '$response.body#/confirm' }, requestBody: '$request.body' }, endRollback: {}, getHistory: {} },
  },
  listPredictors: {
    200: {
      getPredictor: { parameters: { name: '$response.body#/predictors/0/name' } },
      retirePredictor: { parameters: { name: '$response.body#/predictors/0/name' } },
    },
  },
  importPredictor: { 200: { getPredictor: SAME_NAME, retirePredictor: SAME_NAME } },
  getPredictor: { 200: { importPredictor: { ...SAME_NAME, requestBody: '$response.body#/definition' }, retirePredictor: SAME_NAME } },
  reportCheckpoints: { 202: { getTrainingRun: SAME_RUN, plotTrainingRun: SAME_RUN } },
  listTrainingRuns: {
    200: {
      getTrainingRun: { parameters: { run: '$response.body#/runs/0/run' } },
      plotTrainingRun: { parameters: { run: '$response.body#/runs/0/run' } },
    },
  },
}

/** The links of an operation's replies, by status. */
export function responseLinks (operationId: string): Array<[status: string, links: Record<string, Link>]> {
  return Object.entries(NEXT[operationId] ?? {}).map(([status, targets]) => [
    status, Object.fromEntries(Object.entries(targets).map(([operationId, target]) => [operationId, { operationId, ...target }])),
  ])
}
