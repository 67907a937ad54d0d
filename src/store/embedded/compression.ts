/** Length from which states and cohorts are compressed (LZ4), bytes. */
const COMPRESSED_FROM = 512

/**
 * The state of a certified context, which others resemble: LZ4 refers to its parts. What was written with it can be read only with it, so
 * raise `STATE_FORMAT` if it changes.
 */
const EXAMPLE = [
  '{"epoch":1,"epoch_cause":"first_enrolment","epoch_started_at":0,"epoch_name":"0-1","meaning":{"score":"confidence","label":"exact_',
  'match","missing_labels":"lost","missing_outcomes":"lost","judge_miss_rate":null,"judge_gain_share":0,"is_enrolled":false,"evidence',
  '_span_seconds":0,"min_tokens":0,"check_every_tokens":"auto","check_growth":0.25,"levels":"model,task"},"look',
  's":{"count":0,"at":0},"probe_form":null,"requested":{"max_em_drop":0.02,"error_level":0.05,"predictor":"off"},"halves":[{"generati',
  'ons":320,"full_tokens":32000,"full_em":316,"labelled":320,"unprobed_generations":0,"lost":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0',
  ',0,0,0,1,1,1,1,1,1,1],"gained":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,2,2,3,3,3,3,3,4,4,4,4,4,4,4],"unprobed":[],"tokens":[32000,32000,3',
  '2000,32000,32000,32000,31851,31851,31703,31703,31516,31183,30856,30499,29905,29302,28288,27099,25752,24079,22053,19763,17346,15840',
  ',15840,15840,15840,15840,15840,15840],"moved":{"13":{"0:-8":1},"15":{"0:-8":1},"17":{"0:-8":1},"22":{"0:-8":1,"0:8":1}}},null],"op',
  'en":{"evidence":null,"unaccounted":0},"beginnings":{"list":[{"slice":0,"at":0,"time":0,"weights":[0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,',
  '0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9,0.9],"final":{"generations":320,"lost":[0,0,0,',
  '0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1],"gained":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,2,2,3,3,3,3,3,4,4,4,4,4,4,4],"lef',
  't_out":0,"moved":{"13":{"0:-8":1},"15":{"0:-8":1},"17":{"0:-8":1},"22":{"0:-8":1,"0:8":1}}},"open":{"sums":{"generations":0,"lost"',
  ':[],"gained":[],"left_out":0},"unaccounted":0}}],"restarts":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"blocks"',
  ':[{"units":32,"net":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},{"units":32,"net":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,',
  '0,0,-1,-1,-1,-1,-1,-1,-1,0,0,0,0,0,0,0]},{"units":32,"net":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},{"units"',
  ':32,"net":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},{"units":32,"net":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-1',
  ',-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1]}],"half_since":0},"certified":29,"drift_final":[0.9950980392156863,0.9901960784313726,0.9813725',
  '490196078],"drift":[0.9950980392156863,0.9901960784313726,0.9813725490196078],"is_suspected":false,"trials":[],"challengers":0,"se',
  'rving":null,"threshold_index":29,"threshold":0.11920292202211755,"guarantee":{"max_em_drop":0.02,"error_level":0.05,"post_hoc":fal',
  'se,"label":"exact_match","about":"exact match","as_judged":false,"follow_up_ratio":1,"cancelled_ratio":0,"missing_labels":"lost","',
  'missing_outcomes":"lost","on_arrival":true,"scope":"context","generations":313,"em_drop":-0.009584664536741214,"stops":0,"fidelity',
  '":null,"served_em_drop":null,"served_em_drop_high":null,"total_em_drop_bound":null,"breach":"fidelity","tokens_saved_ratio":0.50869009',
  '58466454,"tokens_saved_gross_ratio":0.5086900958466454,"epoch":1,"since_step":null},"control_share":0.02,"unlikely":null,"generati',
  'ons":320,"follow_up":{"enrolled":320,"accounted":320,"missing":0,"excluded":0,"cancelled":0,"void":0,"unenrolled":0,"late":0,"repo',
  'rted":320,"labels_wanted":0,"labels_given":0,"signals_refused":0,"steps_missing":0,"unmarked":0,"left_out":0},"recent":{"enrolled"',
  ':320,"left_out":0,"reported":320,"unmarked":0,"steps_missing":0},"open_enrolments":0,"treated":0,"arms":{"control":{"generations":',
  '0,"tokens":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}},"em":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}}},"t',
  'reated":{"generations":0,"tokens":{"samples":0,"sum":0,"squared":{"nn":0,"nt":0,"tt":0}},"em":{"samples":0,"sum":0,"squared":{"nn"',
  ':0,"nt":0,"tt":0}}}},"fidelity":{"generations":0,"stops":0,"equal":0,"unobserved":0,"recent":{"all":0,"equal":0,"unobserved":',
  '0},"lost":0,"gained":0,"queued":0,"detector":[1,1,1]},"stops":{"probed":0,"other":0,"unknown":0},"breaches":0,"hold":null,"cadence',
  's":{"control":{"n":128,"asked":128,"due":202,"asked_squares":128,"due_squares":336.3125,"products":202},"treated":{"n":0,"asked":0',
  ',"due":0,"asked_squares":0,"due_squares":0,"products":0}},"check_distance":{"tokens":16,"generations":0,"checks":0,"probe_tokens":0},"grader":{"differing":0,"changing":0,"unchanged":0,"',
  'is_spoilt":false,"bare":-1,"agreeing":0,"contradicting":0,"answers":0,"digest":null,"was_blind":false},"log_evidence":{"best":5.55',
  '26969853412815,"now":5.5526969853412815},"savings":{"treated":{"generations":0,"tokens":0},"control":{"samples":6272,"tokens":3104',
  '64,"weighted":{"nn":6272,"nt":310464,"tt":16247616},"squared":{"nn":307328,"nt":15212736,"tt":796133184}}},"probe_tokens":0,"probe',
  '_prefill_tokens":0,"spending":{"all":{"generations":320,"tokens":32000,"probe_tokens":0},"control":{"generations":320,"tokens":320',
  '00,"probe_tokens":0}},"day":{"since":0,"savings":{"treated":{"generations":0,"tokens":0},"control":{"samples":0,"tokens":0,"weight',
  'ed":{"nn":0,"nt":0,"tt":0},"squared":{"nn":0,"nt":0,"tt":0}}},"probe_tokens":0,"is_uncounted":false,"net":null},"last_evidence_at"',
  ':319,"updated_at":319,"judged_by":{"max_em_drop":0.02,"error_level":0.05,"predictor":"off"}}',
].join('')

/** Without compression a state of five KiB takes a whole page of the file, and pages count as resident memory. */
export const COMPRESSION = { threshold: COMPRESSED_FROM, dictionary: Buffer.from(EXAMPLE) }
