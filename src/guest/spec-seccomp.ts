// Seccomp profile of the agent protocol -> OCI. The words are checked by shape only: the runtime knows
// the full lists and refuses what it does not know with a text of its own.
import { InvalidRequest } from "../lib/errors.ts";
import type * as Oci from "../oci/types.ts";
import type * as Wire from "../wire/gen/kata/oci.ts";

export function convertSeccomp(profile: Wire.LinuxSeccomp): Oci.Seccomp {
  return {
    defaultAction: word("DefaultAction", /^SCMP_ACT_[A-Z_]+$/, profile.DefaultAction),
    architectures: profile.Architectures.map((name) => word("Architectures", /^SCMP_ARCH_[A-Z0-9_]+$/, name)),
    ...(profile.Flags.length === 0
      ? {}
      : { flags: profile.Flags.map((name) => word("Flags", /^SECCOMP_FILTER_FLAG_[A-Z_]+$/, name)) }),
    syscalls: profile.Syscalls.map(convertRule),
  };
}

function convertRule(rule: Wire.LinuxSyscall): Oci.SeccompRule {
  return {
    names: rule.Names,
    action: word("Syscalls.Action", /^SCMP_ACT_[A-Z_]+$/, rule.Action),
    ...(rule.errnoret === undefined ? {} : { errnoRet: rule.errnoret }),
    ...(rule.Args.length === 0 ? {} : { args: rule.Args.map(convertArg) }),
  };
}

function convertArg(arg: Wire.LinuxSeccompArg): Oci.SeccompArg {
  return {
    index: Number(arg.Index),
    value: arg.Value,
    valueTwo: arg.ValueTwo,
    op: word("Syscalls.Args.Op", /^SCMP_CMP_[A-Z_]+$/, arg.Op),
  };
}

function word(field: string, shape: RegExp, value: string): string {
  if (!shape.test(value)) throw new InvalidRequest(`Seccomp.${field}`, `unknown ${JSON.stringify(value.slice(0, 40))}`);
  return value;
}
