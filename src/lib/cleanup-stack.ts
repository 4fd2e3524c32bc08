// Undo steps of something half-built, run last first. `move` hands them to the owner once
// the thing stands. Every step runs, whatever the others do; failures come out as one error.
import { CleanupIncomplete } from "./errors.ts";

interface Step {
  readonly name: string;
  readonly run: () => unknown;
}

export class CleanupStack implements AsyncDisposable {
  #steps: Step[] = [];

  defer(name: string, run: () => unknown): void {
    this.#steps.push({ name, run });
  }

  use<T extends AsyncDisposable>(name: string, resource: T): T {
    this.defer(name, () => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Takes all steps out of this stack; disposing this one then does nothing. */
  move(): CleanupStack {
    const taken = new CleanupStack();
    taken.#steps = this.#steps;
    this.#steps = [];
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: { step: string; error: unknown }[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (error) {
        failures.push({ step: step.name, error });
      }
    }
    if (failures.length > 0) throw new CleanupIncomplete(failures);
  }
}
