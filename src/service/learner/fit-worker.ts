import { parentPort, workerData } from 'node:worker_threads'
import { fitPredictor } from '../../core/scores/index.js'
import type { Fit } from './predictor-trainer.js'

const { samples, ...target } = workerData as Fit
parentPort!.postMessage(fitPredictor(samples, target))
