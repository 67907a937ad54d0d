/** What the evidence was gathered for. */
export interface RequestedGuarantee { readonly max_em_drop: number, readonly error_level: number }
