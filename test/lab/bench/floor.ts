// The floor of a launch: the same QEMU and guest kernel with an initrd of one program that reports
// over the serial line that it runs. What a real launch takes beyond it is ours.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustSucceed, runCommand } from "../command.ts";
import { imageFolder } from "../handlers.ts";
import { type Run, report, timedInTurn } from "./samples.ts";

const ROUNDS = 3;
const FIRMWARE = "/usr/share/ovmf/OVMF.fd";
const INIT = `#include <sys/reboot.h>
#include <unistd.h>
int main(void) { write(1, "floor reached\\n", 14); sync(); return reboot(RB_AUTOBOOT); }
`;

function floorInitrd(folder: string): string {
  mkdirSync(join(folder, "dev"), { recursive: true });
  writeFileSync(join(folder, "init.c"), INIT);
  execFileSync("gcc", ["-Os", "-static", "-s", "-w", "-o", join(folder, "init"), join(folder, "init.c")]);
  const initrd = join(folder, "initrd");
  writeFileSync(initrd, execFileSync("cpio", ["-o", "-H", "newc", "--quiet"], { cwd: folder, input: "init\ndev\n" }));
  return initrd;
}

export async function benchFloor(folder: string): Promise<Run[]> {
  const kernel = join(imageFolder(), "vmlinuz");
  if (!existsSync(kernel)) throw new Error(`no ${kernel}: run npm run image`);
  const initrd = floorInitrd(join(folder, "floor"));
  const [accelerator, cpu] =
    process.env["E2E_KVM"] === "works" ? (["kvm", "host"] as const) : (["tcg,thread=single", "max"] as const);
  const boot = (file: string, firmware: readonly string[]) => async () => {
    const machine = ["-machine", "q35", "-accel", accelerator, "-cpu", cpu, "-m", "2048", "-smp", "2"];
    const quiet = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"];
    const guest = ["-kernel", file, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1"];
    const { stdout } = await mustSucceed(
      runCommand(["qemu-system-x86_64", ...machine, ...quiet, ...firmware, ...guest], { timeoutMs: 120_000 }),
    );
    if (!stdout.includes("floor reached")) throw new Error("the floor's init did not run");
  };
  const [bare = [], unpacked = [], firmware = []] = await timedInTurn(ROUNDS, [
    boot(kernel, []),
    boot(join(imageFolder(), "vmlinux"), []),
    boot(kernel, ["-bios", FIRMWARE]),
  ]);
  return [
    report({ name: "floor: QEMU, kernel, one-line init", unit: "ms", samples: bare }),
    report({ name: "floor: the same, kernel unpacked", unit: "ms", samples: unpacked }),
    report({ name: "floor: the same with OVMF", unit: "ms", samples: firmware }),
  ];
}
