/** Length from which states and cohorts are compressed (LZ4), bytes. */
const COMPRESSED_FROM = 512

/**
 * The state of a certified context, which others resemble: LZ4 refers to its parts. It may lack fields of today's states, or have some that
 * are gone: values written with it can be read only with it, so it changes only where `STATE_FORMAT` rises.
 */
const EXAMPLE = [
  '{"epoch":{"number":1,"cause":"first_enrolment","started_at":0,"name":"0-1","meaning":{"score":"confidence","score_fingerprint":n',
  'ull,"label":"exact_match","judge_miss_rate":null,"judge_gain_share":0,"evidence_span_seconds":1800,"min_tokens":0,"check_every_t',
  'okens":"auto","check_growth":0.25,"levels":"model,task"},"requested":{"max_em_drop":0.02,"error_level":0.05},"looks":{"count":0,',
  '"at":0,"level":0,"uncertified":0}},"evidence":{"final":{"generations":424,"full_tokens":42400,"full_em":424,"labelled":424,"unprobed_gener',
  'ations":0,"lost":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"gained":[],"unprobed":[],"tokens":[16960,16960,1',
  '6960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,16960,169',
  '60,16960,16960,16960,16960,16960,16960]},"open":{"evidence":{"generations":28,"full_tokens":2800,"full_em":28,"labelled":28,"unp',
  'robed_generations":0,"lost":[],"gained":[],"unprobed":[],"tokens":[1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1',
  '120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120,1120]},"unaccounted":1},"span":{"began":0,"b',
  'usiest":87,"recent":[{"begins":1392000,"ends":1505000,"differences":{"generations":29,"lost":[],"gained":[]}},{"begins":1508000,',
  '"ends":1621000,"differences":{"generations":29,"lost":[],"gained":[]}},{"begins":1624000,"ends":1737000,"differences":{"generati',
  'ons":29,"lost":[],"gained":[]}}],"known":{"generations":86,"lost":[],"gained":[]}},"newest":{"threshold":0,"runs":[{"lost":1,"ke',
  'pt":28,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"ke',
  'pt":29,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"kept":29,"gained":0},{"lost":0,"ke',
  'pt":29,"gained":0}]},"certified":29,"log_evidence":null,"last_at":1740000,"thresholds":30},"guards":{"drift_final":[1,1,1],"drif',
  't":[1,1,1],"is_suspected":false,"fidelity":{"generations":0,"stops":0,"equal":0,"recent":{"all":0,"equal":0},"lost":0,"gained":0',
  ',"queued":0,"detector":[1,1,1,1,1,1,1]},"sight":{"units":{"bits":[0,0,0,0],"next":68,"nothing":0,"is_blind":false},"stops":{"bit',
  's":[0,0,0,0],"next":0,"nothing":0,"is_blind":false},"stopped_at":0},"stops":{"probed":0,"other":0,"refused":0},"breaches":0,"hol',
  'd":null,"arms":null,"cadences":null},"reports":{"generations":452,"treated":0,"follow_up":{"enrolled":453,"accounted":424,"missi',
  'ng":0,"cancelled":0,"void":0,"unenrolled":0,"unlisted":0,"late":0,"reported":452,"labels_wanted":0,"labels_given":0,"signals_ref',
  'used":0,"steps_missing":0,"unmarked":0,"calls":0,"rewarded":0,"unanswered":0,"left_out":0,"listed_late":0},"recent":{"drawn":[[2',
  '56,0,0],[197,0,0]],"arrived":[[256,0,0,0],[196,0,0,0]]},"is_blocked":false,"open_enrolments":0,"grader":{"differing":[],"unchang',
  'ed":0,"agreeing":[],"bare":-1,"answers":0,"digest":null,"same":0},"updated_at":1852000},"rule":{"index":29,"threshold":0.1192029',
  '2202211755,"judged_by":{"max_em_drop":0.02,"error_level":0.05},"guarantee":{"max_em_drop":0.02,"error_level":0.05,"total_error_l',
  'evel":0.05,"post_hoc":false,"about":"exact match","as_judged":false,"since":0,"until":1740000,"units":452,"cancelled_ratio":0,"t',
  'otal_em_drop_bound":null,"since_step":null},"control_share":0.02,"unlikely":null},"labels":{},"savings":{"sums":{"treated":{"gen',
  'erations":0,"tokens":0},"control":{"samples":0,"tokens":0,"weighted":{"nn":0,"nt":0,"tt":0},"squared":{"nn":0,"nt":0,"tt":0}}},"',
  'probe_tokens":0,"probe_prefill_tokens":0,"spending":{"all":{"generations":452,"tokens":45200,"probe_tokens":0},"control":{"gener',
  'ations":452,"tokens":45200,"probe_tokens":0}},"day":{"savings":{"treated":{"generations":0,"tokens":0},"control":{"samples":0,"t',
  'okens":0,"weighted":{"nn":0,"nt":0,"tt":0},"squared":{"nn":0,"nt":0,"tt":0}}},"probe_tokens":0,"is_uncounted":false,"generations',
  '":452,"last_generations":null,"net":null,"since":0,"latest":1852000}},"probes":{"form":null,"distance":{"tokens":16,"generations',
  '":0,"checks":0,"probe_tokens":0}}}',
].join('')

/** Without compression a state of five KiB takes a whole page of the file, and pages count as resident memory. */
export const COMPRESSION = { threshold: COMPRESSED_FROM, dictionary: Buffer.from(EXAMPLE) }
