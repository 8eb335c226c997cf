// The one table of everything that can go wrong: what the visitor, the peer and the operator each see of a cause.

/**
 * `final`: an agent that meets this code before its first registration gives up.
 * `retry`: it tries again with back-off. `-`: never reaches an agent's dialling.
 */
type AgentReaction = 'final' | 'retry' | '-';

/** One row: wire code (u32), HTTP status, what an agent does, a sentence of what happened, and one of what to do. */
type Row = readonly [wire: number, status: number, agent: AgentReaction, title: string, advice: string];

const TABLE = {
  // 1000: the tunnel protocol itself. Any of these ends the session, never the process.
  'protocol-error': [
    1000,
    502,
    'retry',
    'The other end broke the tunnel protocol',
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  'frame-unknown': [
    1001,
    502,
    'retry',
    'A frame of an unknown type arrived',
    'Check that agent and bastion are of neighbouring releases.',
  ],
  'frame-too-large': [
    1002,
    502,
    'retry',
    'A frame is longer than its type allows',
    'Check that agent and bastion are of neighbouring releases.',
  ],
  'message-too-large': [
    1003,
    502,
    'retry',
    'A WebSocket message is longer than agreed',
    'Check what stands between agent and bastion: something rewrites WebSocket messages.',
  ],
  'credit-exceeded': [
    1004,
    502,
    'retry',
    'The other end sent more than it was allowed to',
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  'credit-overflow': [
    1005,
    502,
    'retry',
    'The other end allowed more bytes than can be counted',
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  'stream-id-invalid': [
    1006,
    502,
    'retry',
    "A stream was opened under a number that is not the opener's to use",
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  'acknowledgement-invalid': [
    1007,
    502,
    'retry',
    'The other end acknowledged messages that were never sent',
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  flood: [
    1008,
    502,
    'retry',
    'The other end sent too many empty frames or pings',
    'Check that agent and bastion are of neighbouring releases; report it if they are.',
  ],
  'link-dead': [
    1010,
    503,
    'retry',
    'Nothing was heard from the other end for too long',
    'Usually a network that dropped a connection in silence; the agent dials again by itself.',
  ],
  'link-closed': [
    1011,
    503,
    'retry',
    'The connection between agent and bastion closed',
    'The agent dials again by itself.',
  ],

  // 1100: streams inside a session.
  'stream-cancelled': [
    1100,
    502,
    '-',
    'The other side gave up this stream',
    'Nothing to do: a visitor left or the notebook closed early.',
  ],
  'stream-limit': [
    1101,
    503,
    '-',
    'Too many streams are open in this tunnel',
    'Close some tabs, or raise the limit of streams per tunnel.',
  ],
  'session-closed': [1102, 503, '-', 'The tunnel closed', 'Wait a moment and reload: the agent dials again by itself.'],
  'stream-rate': [
    1104,
    503,
    '-',
    'Streams are opened too fast in this tunnel',
    'Wait a moment and reload; reuse connections in scripts, or raise the rate of streams per tunnel.',
  ],
  draining: [1103, 503, 'retry', 'The bastion is being restarted', 'Wait a moment and reload.'],

  // 1200: the upstream, as the agent sees it.
  'upstream-refused': [
    1200,
    502,
    '-',
    'The notebook refused the connection',
    "Check in the job's log whether the notebook still runs.",
  ],
  'upstream-not-ready': [
    1201,
    503,
    '-',
    'The notebook is starting and does not answer yet',
    'Wait: this page tries again by itself.',
  ],
  'upstream-timeout': [
    1202,
    504,
    '-',
    'The notebook did not accept a connection in time',
    "Check in the job's log whether the notebook is overloaded.",
  ],
  'upstream-closed': [
    1203,
    502,
    '-',
    'The notebook closed the connection in the middle of an answer',
    "Reload; check the job's log if it happens again.",
  ],
  'upstream-response-invalid': [
    1204,
    502,
    '-',
    'The notebook answered something that is not valid HTTP',
    "Check that the agent's --to names an HTTP service.",
  ],
  'upstream-foreign': [
    1205,
    502,
    '-',
    'The port on the worker node belongs to another user',
    'The notebook ended and somebody else took its port; start it again, on a unix socket if it can.',
  ],
  'upstream-exited': [1206, 502, '-', 'The notebook has ended', 'Start the job again.'],
  'upstream-failed': [1207, 502, '-', 'The connection to the notebook failed', "Check the agent's log."],
  'service-unknown': [
    1208,
    404,
    '-',
    'The agent offers no service of this name',
    'Check the services that the agent was started with.',
  ],
  'service-silent': [
    1209,
    503,
    '-',
    'Nothing answers at this address yet',
    'Start the program that is to listen there; this page tries again by itself.',
  ],

  // 1300: registering. The answer is plain HTTP with a problem document, before any object exists.
  'credential-missing': [1300, 401, 'final', 'No credential was presented', 'Start the agent with --token-file.'],
  'credential-invalid': [
    1301,
    401,
    'final',
    'The credential is not valid here',
    'Ask for a new token: postern-bastion token create.',
  ],
  'credential-expired': [
    1302,
    401,
    'final',
    'The credential has expired',
    'Ask for a new token: postern-bastion token create.',
  ],
  'name-not-allowed': [
    1303,
    403,
    'final',
    'The credential does not allow this name',
    'Ask for a token whose --name pattern covers it.',
  ],
  'name-taken': [1304, 409, 'final', 'The name belongs to somebody else', 'Choose another name.'],
  'name-invalid': [
    1305,
    400,
    'final',
    'The name is not usable as a host name',
    'Use 1 to 49 letters, digits and single hyphens, beginning with a letter or digit; some names are reserved.',
  ],
  'version-unsupported': [
    1306,
    426,
    'final',
    'Agent and bastion speak no common version of the tunnel protocol',
    'Update the older of the two.',
  ],
  'registration-malformed': [
    1307,
    400,
    'final',
    'The registration could not be understood',
    'Check that agent and bastion are of neighbouring releases.',
  ],
  'handshake-limit': [
    1308,
    429,
    'retry',
    'Too many agents are registering at once',
    'Nothing to do: the agent tries again by itself.',
  ],
  replaced: [
    1309,
    409,
    'final',
    'A newer agent of the same owner took over this name',
    'Nothing to do, unless two jobs use one name by mistake.',
  ],
  'session-unknown': [
    1310,
    410,
    'retry',
    'The session to resume is not known here',
    'Nothing to do: the agent registers afresh.',
  ],
  'resume-refused': [
    1311,
    403,
    'retry',
    'The proof for resuming a session is not valid',
    'Nothing to do: the agent registers afresh.',
  ],
  'bastion-unreachable': [
    1312,
    503,
    'retry',
    'The bastion could not be reached',
    'Check the address, the network and the proxy settings; the agent keeps trying.',
  ],
  'bastion-untrusted': [
    1313,
    502,
    'retry',
    "The bastion's certificate is not trusted",
    "Give the bastion's CA with --ca, or check the host name.",
  ],
  'proxy-unreachable': [
    1314,
    503,
    'retry',
    'The proxy on the way to the bastion could not be reached',
    'Check --proxy or HTTPS_PROXY, or leave the proxy out with --proxy none or NO_PROXY; the agent keeps trying.',
  ],
  'proxy-untrusted': [
    1315,
    502,
    'retry',
    "The proxy's certificate is not trusted",
    "Give the proxy's CA with --proxy-ca, or check its host name.",
  ],
  'proxy-credentials': [
    1316,
    502,
    'retry',
    'The proxy wants credentials that it was not given',
    'Put USER:PASSWORD into a file with mode 0600 and name it with --proxy-credentials-file; it is read again each time.',
  ],
  'proxy-refused': [
    1317,
    502,
    'retry',
    'The proxy refused the way to the bastion',
    "Ask those who run the proxy to allow CONNECT to the bastion's host and port; the agent keeps trying.",
  ],
  'tunnel-limit': [
    1320,
    429,
    'retry',
    'The owner has as many notebooks connected as one may have',
    'Nothing to do, if one of them is to end: the agent tries again by itself. Or ask those who run the bastion.',
  ],
  'link-limit': [
    1321,
    429,
    'retry',
    'The notebook has as many connections to the bastion as one may have',
    'Start the agent with fewer --links; it tries again by itself.',
  ],
  'name-limit': [
    1330,
    403,
    'final',
    'The owner has as many names as one may have',
    'Use one of the names that are yours already, or ask those who run the bastion: postern-bastion name list.',
  ],
  'credential-revoked': [
    1331,
    401,
    'final',
    'The credential was taken back',
    'Ask those who run the bastion why, and for a new one.',
  ],
  'token-unknown': [
    1332,
    404,
    '-',
    'No token with this id was made here',
    'See postern-bastion token list; for a token of another issuer, say --unknown.',
  ],
  'issuer-unreachable': [
    1333,
    503,
    'retry',
    'The issuer of the credential could not be asked for its keys',
    'Nothing to do: the agent tries again by itself. If it lasts, the bastion cannot reach the issuer, or does not trust it.',
  ],
  'credential-limit': [
    1334,
    429,
    'retry',
    'Too many wrong credentials came from this address',
    'Wait a minute; look for jobs that start with a bad token. Behind one address, all share this limit.',
  ],
  'service-limit': [
    1335,
    403,
    'final',
    'The credential does not allow so many services',
    'Start the agent with fewer --service and --allow-port, or ask for a token with a higher limit.',
  ],
  'api-malformed': [1336, 400, '-', 'The request to the API could not be understood', 'See docs/guides/portals.md.'],
  'not-grantable': [
    1337,
    403,
    '-',
    'The token for the API does not allow this',
    'Ask those who run the bastion for one that does: postern-bastion token create --use api.',
  ],
  'api-limit': [1338, 429, '-', 'Too many calls of the API with this token', 'Call it more slowly.'],
  'end-to-end-unavailable': [
    1340,
    403,
    'final',
    'This bastion does not serve TLS end to end',
    'It has no CA of its own to issue certificates from, or is too old: use --tls-cert and --tls-key, or --tls bastion.',
  ],
  'end-to-end-policy': [
    1341,
    403,
    'final',
    'Where the bastion passes TLS on undecrypted it cannot tell who comes',
    'Let the agent do it, with --client-ca, or say that everybody may come: --access public, for a tcp service --public-service.',
  ],

  // 1400: visitors.
  'name-unknown': [1400, 404, '-', 'No notebook has this name', 'Check the address; the job may not have started yet.'],
  'tunnel-absent': [
    1401,
    503,
    '-',
    "The notebook's agent is not connected",
    'The job may have ended, or its network is interrupted; this page tries again by itself.',
  ],
  'sign-in-needed': [1402, 401, '-', 'This notebook is private', 'Open it with the link that its agent printed.'],
  'link-spent': [
    1403,
    403,
    '-',
    'This link has been used already, or is not valid',
    'The agent holds a fresh link: look at its terminal or link file.',
  ],
  'cross-site': [
    1404,
    403,
    '-',
    'Another site tried to act in your name',
    'If that was you, open the notebook in a tab of its own.',
  ],
  'sign-in-refused': [
    1440,
    403,
    '-',
    'You could not be signed in',
    'Sign in with an account that this site knows, or ask those who run it.',
  ],
  'sign-in-broken': [
    1441,
    400,
    '-',
    'This sign-in was not begun here, or took too long',
    'Go back to the notebook and sign in again.',
  ],
  'sign-in-unavailable': [
    1442,
    503,
    '-',
    'The service where you sign in does not answer',
    'It is tried again by itself; if that goes on, tell those who run this site.',
  ],
  'body-too-large': [1445, 413, '-', 'The request is too long for this page', 'Send less.'],
  'request-malformed': [
    1446,
    400,
    '-',
    'The request does not say what this page needs to know',
    'See docs/guides/portals.md for what it takes.',
  ],
  'owner-only': [
    1444,
    403,
    '-',
    'This page is for the owner of the notebook alone',
    'Sign in as the owner, or ask them to change who may visit.',
  ],
  'share-limit': [1443, 429, '-', 'There are too many guest links for this name', 'Take some of them back first.'],
  'not-yours': [1405, 403, '-', 'You have no access to this notebook', 'Ask its owner to invite you.'],
  misdirected: [1406, 421, '-', 'This address is not served here', 'Check the address.'],
  'request-ambiguous': [
    1407,
    400,
    '-',
    'The request can be read in more than one way',
    'Report it to the maker of the program that sent it.',
  ],
  'header-too-large': [1408, 431, '-', "The request's headers are too large", 'Delete cookies for this site.'],
  'method-refused': [1409, 405, '-', 'This method is not served', 'CONNECT and TRACE are not available here.'],
  'pipeline-limit': [1410, 400, '-', 'Too many pipelined requests', 'Wait for answers before sending more.'],
  'page-unknown': [1411, 404, '-', 'The bastion has no such page', 'Check the address.'],
  'request-timeout': [1412, 408, '-', 'The request did not arrive in time', 'Try again.'],
  'visitor-limit': [1413, 429, '-', 'Too many attempts', 'Wait a minute and try again.'],
  'tunnel-paused': [
    1414,
    503,
    '-',
    'The connection to the notebook is interrupted',
    'Wait: its agent dials again by itself, and this page tries again too. Nothing is lost.',
  ],
  'pass-invalid': [
    1415,
    403,
    '-',
    'This sign-in was not begun in this browser, or took too long',
    'Open the address again.',
  ],
  'job-preempted': [
    1416,
    503,
    '-',
    'The batch system has stopped the job of this notebook',
    'If it starts the job again, this address leads there, and this page goes there by itself.',
  ],
  'job-ended': [
    1417,
    503,
    '-',
    'The job of this notebook has ended',
    'Start it again under the same name: this page opens it then.',
  ],
  'proxy-header-invalid': [
    1450,
    400,
    '-',
    'A load balancer did not say in the PROXY protocol whose connection this is',
    'Make the balancer send PROXY v1 or v2 (HAProxy: send-proxy-v2), or take its address out of --proxy-protocol-from.',
  ],

  // 1430: visitors' TLS, as far as it is not HTTP yet: codes for logs and metrics, the visitor gets a TLS alert.
  'end-to-end-only': [
    1430,
    421,
    '-',
    'This notebook is reached by TLS from end to end only',
    'Open it with a connection of its own: browsers do that by themselves.',
  ],
  'hello-too-large': [
    1431,
    400,
    '-',
    "The visitor's TLS hello is too large",
    'Report it to the maker of the program that sent it.',
  ],
  'hello-timeout': [1432, 408, '-', "The visitor's TLS hello did not arrive in time", 'Try again.'],
  'hello-limit': [
    1433,
    503,
    '-',
    'Too many unfinished TLS hellos at once',
    'Try again in a moment; if it stays so, somebody is flooding the bastion.',
  ],

  // 1500: the programs.
  'options-invalid': [1500, 500, '-', 'The options are not usable', 'See --help.'],
  'state-unusable': [
    1501,
    500,
    '-',
    'The state directory is not usable',
    'Check that it exists, belongs to the user who runs the bastion, and has mode 0700.',
  ],
  internal: [
    1502,
    500,
    'retry',
    'Something unexpected went wrong',
    'Report it, with the request id and the log around it.',
  ],

  // 1600: certificates.
  'ca-exists': [1600, 500, '-', 'There is a CA already, and it is never overwritten', 'Choose another directory.'],
  'ca-invalid': [1601, 500, '-', "The CA's files are damaged or do not belong together", 'Restore them from a backup.'],
  'certificate-invalid': [
    1602,
    500,
    '-',
    'The certificate and key are not usable',
    'Check that both are PEM and belong together.',
  ],
  'certificate-refused': [
    1603,
    403,
    '-',
    'The bastion issues no certificate for this request',
    "See the bastion's log; the agent asks again by itself.",
  ],
  'certificate-missing': [
    1604,
    503,
    '-',
    'The agent has no certificate to show yet',
    'Wait a moment and try again: the agent asks its bastion for one.',
  ],
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof TABLE;

/** What the rest of the program reads of one row. */
export interface ErrorEntry {
  readonly code: ErrorCode;
  /** The u32 that RESET and GOAWAY carry. */
  readonly wire: number;
  /** The HTTP status that a visitor or a registering agent gets. */
  readonly status: number;
  readonly agent: AgentReaction;
  readonly title: string;
  readonly advice: string;
}

/** Every entry, in the table's order (docs/errors.md is generated from it). */
export const ERRORS: readonly ErrorEntry[] = Object.entries<Row>(TABLE).map(
  ([code, [wire, status, agent, title, advice]]) => ({
    code: code as ErrorCode,
    wire,
    status,
    agent,
    title,
    advice,
  }),
);

const BY_CODE = new Map(ERRORS.map((entry) => [entry.code, entry]));
const BY_WIRE = new Map(ERRORS.map((entry) => [entry.wire, entry]));

/** The entry of a code. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return BY_CODE.get(code) as ErrorEntry;
}

/** The code that a peer's u32 stands for; a number from a newer release reads as `stream-cancelled`. */
export function codeFromWire(wire: number): ErrorCode {
  return BY_WIRE.get(wire)?.code ?? 'stream-cancelled';
}

/** True when the text is one of our codes (a peer's problem document may hold anything). */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && BY_CODE.has(text as ErrorCode);
}

/** An error with a row in the table; `detail` is for the log and the person, and never holds a secret. */
export class PosternError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(detail === undefined ? errorEntry(code).title : `${errorEntry(code).title}: ${detail}`, options);
    this.name = 'PosternError';
    this.code = code;
    this.detail = detail;
  }

  get entry(): ErrorEntry {
    return errorEntry(this.code);
  }
}

/** The error as one of ours: itself, or wrapped under the code given, with the original as cause. */
export function asPosternError(error: unknown, code: ErrorCode = 'internal'): PosternError {
  if (error instanceof PosternError) return error;
  return new PosternError(code, error instanceof Error ? error.message : String(error), { cause: error });
}

/** An RFC 9457 problem document, as refusals carry it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly number: number;
  readonly detail?: string;
  readonly advice: string;
}

/** The problem document of an error. */
export function toProblem(error: PosternError): Problem {
  const { code, wire, status, title, advice } = error.entry;
  return {
    type: `urn:postern:error:${code}`,
    title,
    status,
    code,
    number: wire,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    advice,
  };
}
