// Mocha's own report, plus one line "passed failed skipped" appended to the file that TALLY names:
// .ci/run adds these lines up over all of its mocha runs. REPORT chooses the form (default spec).
const { appendFileSync } = require("node:fs");
const { reporters, Runner } = require("mocha");

const forms = { spec: reporters.Spec, dot: reporters.Dot };

module.exports = class Reporter extends (forms[process.env.REPORT] ?? reporters.Spec) {
  constructor(runner, options) {
    super(runner, options);
    const tally = process.env.TALLY;
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      if (tally !== undefined) appendFileSync(tally, `${passes} ${failures} ${pending}\n`);
    });
  }
};
