// README promise: exec and attach work in every form that crictl has.
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed, runCommand } from "../lab/command.ts";
import { programs } from "../lab/handlers.ts";
import { deadline } from "../lab/patience.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";
import { Interactive } from "../support/interactive.ts";

const tool = join(programs, "kata-cvm");

describe("Exec and attach", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let container: string;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
    container = await e2e.cri.start(pod);
  });

  /** Runs crictl behind a pseudo-terminal of `script`, as a person would. */
  const onTerminal = (args: readonly string[], input: string) => {
    const command = ["crictl", ...args].map((word) => `'${word}'`).join(" ");
    return runCommand(e2e.cri.lab.enter(["script", "-qec", command, "/dev/null"]), { input, timeoutMs: 40_000 });
  };

  it("exec -s returns what the command wrote, first stdout, then stderr", async () => {
    const outcome = await mustSucceed(e2e.cri.crictl(["exec", "-s", container, "sh", "-c", "echo err >&2; echo out"]));
    assert.match(outcome.stdout.toString("utf8"), /^out\n+err\n+$/);
  });

  it("exec streams what the command wrote, stdout and stderr apart", async () => {
    const outcome = await mustSucceed(e2e.cri.crictl(["exec", container, "sh", "-c", "echo out; echo err >&2"]));
    assert.equal(outcome.stdout.toString("utf8"), "out\n");
    assert.equal(outcome.stderr, "err\n");
  });

  it("exec passes stdin on and ends with it", async () => {
    const text = `${"a line of input\n".repeat(5_000)}the last, without a newline`;
    const outcome = await mustSucceed(e2e.cri.crictl(["exec", "-i", container, "cat"], { input: text }));
    assert.equal(outcome.stdout.toString("utf8"), text);
  });

  it("a command that reads stdin ends when nobody offers it any: by exec -s, by exec, and as a container", async () => {
    assert.equal(await e2e.cri.exec(container, ["cat"]), "");
    await mustSucceed(e2e.cri.crictl(["exec", container, "sha256sum"]));
    const reader = await e2e.cri.start(pod, { command: ["cat"] });
    assert.equal((await e2e.cri.exited(reader)).exitCode, 0);
  });

  it("exec -it gives the command a terminal", async () => {
    const outcome = await mustSucceed(
      onTerminal(["exec", "-it", container, "sh", "-c", "tty; test -t 0 && echo yes"], ""),
    );
    assert.match(outcome.stdout.toString("utf8"), /\/dev\/pts\/\d+\r\nyes\r\n/);
  });

  it("exec -it echoes what is typed and obeys an exit", async () => {
    await using session = new Interactive(e2e.cri.lab, [
      "script",
      "-qec",
      `crictl exec -it ${container} sh`,
      "/dev/null",
    ]);
    await session.until(/# $/);
    session.type("echo $((40+2))\n");
    await session.until(/echo \$\(\(40\+2\)\)[\s\S]*42\r\n/);
    session.type("exit 0\n");
    assert.equal(await session.end(), 0);
  });

  for (const code of [0, 7, 137]) {
    it(`exec reports exit code ${code}`, async () => {
      const outcome = await e2e.cri.crictl(["exec", container, "sh", "-c", `exit ${code}`]);
      if (code === 0) assert.equal(outcome.code, 0);
      else assert.match(outcome.stderr, new RegExp(`exit (code|status) ${code}\\b`));
      const sync = await e2e.cri.crictl(["exec", "-s", container, "sh", "-c", `exit ${code}`]);
      assert.equal(sync.code === 0, code === 0, sync.stderr);
    });
  }

  it("exec of a command that does not exist fails and names it", async () => {
    const outcome = await e2e.cri.crictl(["exec", "-s", container, "/no/such/command"]);
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /\/no\/such\/command/);
  });

  it("exec -s with a time limit ends the command", async () => {
    const outcome = await e2e.cri.crictl(["exec", "-s", "--timeout", "2", container, "sleep", "300.25"], {
      timeoutMs: 30_000,
    });
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /timed out|timeout|deadline/i);
    for (const end = deadline(10_000); ; await pause(200)) {
      if (!(await e2e.cri.exec(container, ["ps", "-o", "args"])).includes("sleep 300.25")) break;
      assert.ok(Date.now() < end, "the command still runs");
    }
  });

  it("a failed exec leaves the container running", async () => {
    assert.equal((await e2e.cri.status(container)).state, "CONTAINER_RUNNING");
    assert.equal(await e2e.cri.exec(container, ["echo", "still here"]), "still here");
  });

  it("eight execs at once each get their own answer", async () => {
    const words = Array.from({ length: 8 }, (_, index) => `word-${index}`);
    const answers = await Promise.all(
      words.map((word) => e2e.cri.exec(container, ["sh", "-c", `sleep 0.3; echo ${word}`])),
    );
    assert.deepEqual(answers, words);
  });

  it("attach talks to the container's own process until it ends", async () => {
    const shell = await e2e.cri.start(pod, {
      command: ["sh", "-c", "while read -r line; do echo got $line; done; exit 3"],
      stdin: true,
    });
    await using session = new Interactive(e2e.cri.lab, ["crictl", "attach", "-i", shell]);
    await pause(1_000);
    session.type("one\n");
    await session.until(/got one\n/);
    session.type("two\n");
    session.closeInput();
    assert.equal((await e2e.cri.exited(shell)).exitCode, 3);
    await session.until(/got one\ngot two\n/);
  });

  it("kata-cvm exec of a command that does not exist ends, fails and names it", async function () {
    if (!IS_OURS) this.skip();
    const outcome = await e2e.cri.lab.exec([tool, "exec", pod.id, container, "--", "/no/such/command"]);
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /\/no\/such\/command/);
  });

  it("kata-cvm attach joins a terminal, and Ctrl-P Ctrl-Q leaves it to its owner, who got everything", async function () {
    if (!IS_OURS) this.skip();
    const shell = await e2e.cri.start(pod, { command: ["sh"], tty: true, stdin: true });
    const command = `${tool} attach -i ${pod.id} ${shell}`;
    await using session = new Interactive(e2e.cri.lab, ["script", "-qec", command, "/dev/null"]);
    // until it has joined, the terminal is the client's own and would take the line
    await pause(3_000);
    session.type("echo $((40+2))\n");
    // Node leaves newlines to the outer terminal, which adds a return
    await session.until(/\n42\r+\n/);
    session.type("\x10\x11");
    assert.equal(await session.end(), 0);
    assert.equal((await e2e.cri.status(shell)).state, "CONTAINER_RUNNING");
    assert.match((await e2e.cri.logs(shell, 1)).toString("utf8"), /\n42\r*\n/);
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});
