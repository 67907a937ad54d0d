/** How a fit ended: a predictor, nothing worth one in the data, or an error. */
export interface FitEnd { readonly result: 'trained' | 'none' | 'failed', readonly seconds: number }
