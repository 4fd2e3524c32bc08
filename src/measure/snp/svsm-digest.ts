// The launch digest of a guest with COCONUT-SVSM as it started before IGVM: OVMF below 4 GiB, its variables
// below that (not measured), then the SVSM binary, whose own tables name the sections and the entry point
// (coconut-svsm/qemu 0e64fb84, target/i386/sev.c). A guest of today is an IGVM file: igvm/measure-igvm.ts.
import { InvalidRequest } from "../../lib/errors.ts";
import { firmwareGuids, type OvmfFirmware } from "../ovmf.ts";
import { ByteReader, MalformedInput } from "../reader.ts";
import { checkVcpuState, checkVcpus, checkWholePages, type SnpMeasurement, snpLayout } from "./launch-digest.ts";
import { LaunchRecord, settings } from "./launch-record.ts";
import { PAGE_BYTES } from "./page-chain.ts";
import { type SvsmVmm, svsmVmsaPage } from "./vmsa.ts";

export interface SvsmInputs {
  readonly firmware: OvmfFirmware;
  /** the SVSM binary; it carries the same kind of table as OVMF */
  readonly svsm: OvmfFirmware;
  /** bytes of the variable store between the two */
  readonly varsBytes: number;
  readonly vcpus: number;
  readonly vcpuSignature: number;
  readonly guestFeatures: bigint;
  readonly vmm: SvsmVmm;
}

export function measureSvsm(inputs: SvsmInputs): SnpMeasurement {
  const { firmware, svsm, vmm, vcpus: count, vcpuSignature: signature, guestFeatures: features } = inputs;
  checkWholePages(firmware.bytes);
  const { sections } = snpLayout(svsm);
  const gpa = svsmAddress(inputs);
  const entry = gpa + entryOffset(svsm);
  checkVcpus(count, entry);
  checkVcpuState(inputs);
  const record = new LaunchRecord();
  record.pages({ label: "firmware", setting: settings.firmware }, firmware.gpa, firmware.bytes);
  const ovmfHash = record.digest;
  record.pages({ label: "SVSM", setting: settings.svsm }, gpa, svsm.bytes);
  for (const section of sections) record.section(section, settings.svsm, vmm);
  const state = svsmVmsaPage({ vmm, entry, signature, features });
  record.vcpus({ vmm, count, signature, features, boot: state, other: state });
  return { measurement: record.digest, ovmfHash, trail: record.trail() };
}

function svsmAddress({ firmware, svsm, varsBytes }: SvsmInputs): number {
  if (!Number.isInteger(varsBytes) || varsBytes < 0 || varsBytes % PAGE_BYTES !== 0) {
    throw new InvalidRequest("vars-size", `${varsBytes} bytes are not whole pages`);
  }
  const gpa = firmware.gpa - varsBytes - svsm.bytes.length;
  if (gpa < 0) throw new InvalidRequest("vars-size", `${varsBytes} bytes leave no room for the SVSM below 4 GiB`);
  return gpa;
}

/** Where the SVSM is entered, from its first byte. */
function entryOffset({ bytes, entries }: OvmfFirmware): number {
  const info = entries.get(firmwareGuids.svsmInfo);
  if (!info) throw new MalformedInput("SVSM", bytes.length, "has no SVSM_INFO table entry, so its entry is unknown");
  const offset = new ByteReader(bytes, "SVSM").at(info.offset, info.data.length).u32le();
  if (offset >= bytes.length) throw new MalformedInput("SVSM", info.offset, `entry ${offset} lies behind its end`);
  return offset;
}
