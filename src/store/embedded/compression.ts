/** Length from which states and cohorts are compressed (LZ4), bytes. */
const COMPRESSED_FROM = 512

/**
 * The state of a certified context, which others resemble: LZ4 refers to its parts. What was written with it can be read only with it, so
 * raise `STATE_FORMAT` if it changes.
 */
const EXAMPLE = [
  '{"epoch":1,"epoch_cause":"first_enrolment","epoch_started_at":875,"epoch_name":"875-1","meaning":{"score":"confidence","score_fing',
  'erprint":null,"label":"exact_match","judge_miss_rate":null,"judge_gain_share":0,"evidence_span_seconds":0,"min_tokens":0,"check_ev',
  'ery_tokens":"auto","check_growth":0.25,"levels":"model,task"},"looks":{"count":0,"at":0},"probe_form":null,"requested":{"max_em_dr',
  'op":0.02,"error_level":0.05},"evidence":{"generations":286,"full_tokens":28600,"full_em":286,"labelled":286,"unprobed_generations"',
  ':0,"lost":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1],"gained":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,2,2,2,2,2,2,2,2,2,2,',
  '2,2,2,2,2,2],"unprobed":[],"tokens":[11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,114',
  '40,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440,11440]},"open":{"evidence":null,"unaccounted":0},',
  '"tested":{"at":0,"time":875,"final":{"generations":286,"lost":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1],"gaine',
  'd":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2]},"open":{"sums":{"generations":0,"lost":[],"gained":[]},"unaccoun',
  'ted":0}},"newest":{"threshold":0,"runs":[{"lost":0,"kept":286,"gained":0},{"lost":1,"kept":32,"gained":1}]},"certified":29,"drift_',
  'final":[0.9950980392156863,0.9901960784313726,0.9813725490196078],"drift":[0.9950980392156863,0.9901960784313726,0.981372549019607',
  '8],"is_suspected":false,"threshold_index":29,"threshold":0.11920292202211755,"guarantee":{"max_em_drop":0.02,"error_level":0.05,"p',
  'ost_hoc":false,"label":"exact_match","about":"exact match","as_judged":false,"follow_up_ratio":1,"cancelled_ratio":0,"scope":"cont',
  'ext","generations":286,"em_drop":0,"stops":0,"fidelity":null,"served_em_drop":null,"served_em_drop_high":null,"total_em_drop_bound',
  '":null,"breach":"fidelity","tokens_saved_ratio":0.6,"tokens_saved_gross_ratio":0.6,"epoch":1,"since_step":null},"control_share":0.',
  '02,"unlikely":null,"generations":286,"follow_up":{"enrolled":286,"accounted":286,"missing":0,"cancelled":0,"void":0,"unenrolled":0',
  ',"unlisted":0,"late":0,"reported":286,"labels_wanted":0,"labels_given":0,"signals_refused":0,"steps_missing":0,"unmarked":0,"calls',
  '":0,"rewarded":0,"unanswered":0,"left_out":0,"listed_late":0},"recent":{"enrolled":286,"left_out":0,"listed_late":0,"reported":286',
  ',"unmarked":0,"unanswered":0,"steps_missing":0},"open_enrolments":0,"treated":0,"arms":{"control":{"generations":0,"tokens":{"samp',
  'les":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}},"em":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}}},"treated":{"generati',
  'ons":0,"tokens":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}},"em":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}}',
  '}},"fidelity":{"generations":0,"stops":0,"equal":0,"unobserved":0,"recent":{"all":0,"equal":0,"unobserved":0},"lost":0,"gained":0,',
  '"queued":0,"detector":[1,1,1]},"stops":{"probed":0,"other":0,"unknown":0},"breaches":0,"hold":null,"cadences":{"control":{"n":0,"a',
  'sked":0,"due":0,"asked_squares":0,"due_squares":0,"products":0},"treated":{"n":0,"asked":0,"due":0,"asked_squares":0,"due_squares"',
  ':0,"products":0}},"check_distance":{"tokens":16,"generations":0,"checks":0,"probe_tokens":0},"grader":{"differing":0,"changing":0,',
  '"unchanged":0,"is_spoilt":false,"bare":286,"agreeing":0,"contradicting":0,"answers":0,"digest":null,"was_blind":false},"log_eviden',
  'ce":{"best":5.5526969853412815,"now":5.5526969853412815},"savings":{"treated":{"generations":0,"tokens":0},"control":{"samples":0,',
  '"tokens":0,"weighted":{"nn":0,"nt":0,"tt":0},"squared":{"nn":0,"nt":0,"tt":0}}},"probe_tokens":0,"probe_prefill_tokens":0,"spendin',
  'g":{"all":{"generations":286,"tokens":28600,"probe_tokens":0},"control":{"generations":286,"tokens":28600,"probe_tokens":0}},"day"',
  ':{"savings":{"treated":{"generations":0,"tokens":0},"control":{"samples":0,"tokens":0,"weighted":{"nn":0,"nt":0,"tt":0},"squared":',
  '{"nn":0,"nt":0,"tt":0}}},"probe_tokens":0,"is_uncounted":false,"generations":286,"last_generations":null,"net":null,"since":875,"l',
  'atest":875},"last_evidence_at":1000,"updated_at":875,"judged_by":{"max_em_drop":0.02,"error_level":0.05}}',
].join('')

/** Without compression a state of five KiB takes a whole page of the file, and pages count as resident memory. */
export const COMPRESSION = { threshold: COMPRESSED_FROM, dictionary: Buffer.from(EXAMPLE) }
