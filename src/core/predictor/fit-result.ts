/** How a fit ended: `trained` a predictor, found too little data (`none`), or threw (`failed`). */
export interface FitResult { readonly result: 'trained' | 'none' | 'failed', readonly seconds: number }
