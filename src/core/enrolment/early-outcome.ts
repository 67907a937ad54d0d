/** An outcome that came before its entry. */
export interface EarlyOutcome { readonly u: number, readonly generation_id: string, readonly until: number }
