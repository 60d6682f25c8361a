/**
 * What must hold, as data. I-numbers are the invariants of the design and are cited in code (`// I6`); R-numbers are what else is
 * asked for. A test that proves some of them says so at the start of its title: `I4: …`, `I2, R7: …`. Speed and start are measured by
 * `npm run bench`, not here.
 */
export const requirements = {
  I1: 'Nothing reaches a tool server without a stored `allowed` event whose grant verifies.',
  I2: "A call's history is linear: one decision, one winner for every race (vote, expiry, cancel, dispatch).",
  I3: 'What is executed is byte for byte what was decided and approved. No second parse, no late edit.',
  I4: 'An approval is single use, bound to caller, server, tool, arguments, definition, policy revision and expiry; the approver is not the requester where policy says so, and a quorum counts distinct people.',
  I5: 'Every call ends in exactly one final event, whatever crashes. What cannot be known is said: `unknown`.',
  I6: 'A tool that is not known to be idempotent is never sent the same call twice; idempotence comes from the pinned registry entry, never from the caller.',
  I7: 'Fail closed: no policy, no store, no space, audit too far behind: the call is refused with a clear error and nothing runs.',
  I8: 'An event leaves the working stream only after audit has sealed it, and what is sealed can be verified offline by anyone.',
  I9: 'Credentials never enter an event, a log line or a result. References do.',
  I10: 'A caller sees in a list exactly what policy would not deny it outright, and a hidden tool cannot be called.',
  I11: "The bus enforces the roles: each service's NATS user can publish only its own events.",
  I12: 'Any process may be killed at any moment. No truth lives only in memory.',
  I13: 'A definition that changed since it was pinned is not callable until a person accepts the difference.',

  R1: 'Every gate and every test counts in one sum, and no step hides the failure of another.',
  R2: 'The wire contract in proto/ is what the code says, its examples are judged alike by both, and it changes only by addition.',
  R3: 'Forbidden imports are refused with the remedy in the message, and only config.ts reads the environment.',
  R4: 'The page of errors and the table of settings are what the code says, and pages name only files that exist.',
  R5: 'A broken policy document is refused with file, line and reason; the last good set stays in force, and without one every call is denied.',
  R6: 'One endpoint speaks MCP 2025-11-25 and 2026-07-28, for all servers and for one, to clients that nobody here wrote.',
  R7: 'A held call answers within the hold window, or with a pending result that can be asked for again by id or by idempotency key.',
  R8: 'Nobody is served without a good token, from a foreign Host or Origin, or with a body over the limit.',
  R9: 'A tool server that hangs, dies, answers garbage or too much ends its call with a clear error and harms no other.',
  R10: 'A tool server that ends is started again with backoff, and the registry says so truthfully.',
  R11: 'The audit log answers by call, principal, tool, time and outcome.',
  R12: 'The HTTP API does what its served OpenAPI document describes, and the live feed loses nothing.',
  R13: 'The command line prints tables for people and JSON for programs, with exit codes that mean something.',
  R14: 'One command brings everything up, stops it cleanly, goes on with the same state, and says plainly what is in the way.',
  R15: 'Bad input gets a clear error and loses nothing.',
  R16: 'With NATS away for 10 s under load no call is lost or run twice, and everything recovers alone.',
  R17: 'The sample policies allow reads, hold writes for one approver and moves for two, and deny paths outside the folder with every trick.',
  R18: 'The checker of fault runs passes what is right and names what is wrong, one broken history a rule.',
  R19: 'A poison message on any consumer does not loop, is seen, and stops nothing.',
  R20: 'The index of the audit log finds by every filter within one tenant, on the embedded database and on a server alike, and is made anew from the log whatever happens to it.',
  R21: 'Pages of an answer hold everything once, of one state of the log, and an answer says how much of the log it is about; an export writes all of it in flat memory.',
  R22: 'Calls are counted over time, listed by what is most frequent, and told from end to end with their trace.',
  R23: 'What is done to tool servers, policies and sessions is in the log like calls are, in order and each at least once, with an id that tells a repetition, whoever is killed; no stream of events has a gap that does not show.',
  R24: 'What a policy redacts is taken out of every event of its calls before they are sealed; while that is not known, no call is sealed.',

  R25: 'Whoever reads AUDIT goes on where it stopped, from any point, can drop what comes twice and sees what is missing; the examples in three languages do.',
  R26: 'An export sends every record at least once however long its target is away, delays nothing and nobody, and sets aside what is refused for good.',
  R27: 'What an export sends is what its format and protocol say, judged by software of others.',
  R28: 'What is personal is sealed encrypted, with a key per subject, kind and month that lies apart from the log: erasing the keys erases the content everywhere audit keeps it, and the log still verifies.',
  R29: 'An erasure is done and recorded, or neither, whatever crashes; under a legal hold, and when holds cannot be read, nothing is erased.',
  R30: 'Retention per tenant and kind erases what is over its time, and nothing else.',
  R31: 'When audit is behind by more than its bounds, in events or in time, new calls are refused, and metrics, readiness, status and the error say why.',
  R32: 'Witnesses cosign the newest checkpoint of each tenant: sealing never waits for them, a log that was set back or doubled is told, and the verifier checks them.',
  R33: 'What stopped working starts again by itself once its cause is gone, or says what a person must do: a full disk, a changed secret, a lost stream.',
  R34: 'Arguments that a tool wants mirrored in headers reach it so, and a header of a call that contradicts its argument is refused.',
  R35: 'What a tool server says in one revision of MCP reaches callers of the other in their words, and nothing of its hop does; what a request says wrongly of itself is refused with a code and the reason.',
  R36: 'What the screen tells people to type works as it stands there, a question that was not answered with yes does nothing, and programs read what went wrong, over HTTP and at the command line, by a code.',
  R37: 'Keys of subjects that are missing are never begun anew over content that needs them, unless whoever runs audit declares them lost, which is recorded.',

  R40: 'A port that was chosen for a program is still free when the program listens there, and what does not start says why.',
  R41: 'A service ends within its grace when it is asked to or its launcher is gone, whatever it is doing and whoever is away.',
} as const

export type Requirement = keyof typeof requirements
