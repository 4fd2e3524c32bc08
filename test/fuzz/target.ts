// What the fuzz runner drives: one parser, with valid inputs to start from. A target accepts the bytes or
// refuses them with MalformedInput; any other throw, a hang, or memory out of proportion is a finding.
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, small ones first; may be cut to what matters (a footer without its firmware). */
  seeds(): readonly Uint8Array[];
  run(bytes: Uint8Array): void;
}
