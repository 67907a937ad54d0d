/** The guarantee that was requested when evidence began. */
export interface RequestedGuarantee { readonly max_em_drop: number, readonly error_level: number }
