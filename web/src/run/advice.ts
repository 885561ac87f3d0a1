/** What happened to a run and what its user can do about it, in plain words. */
import type { RunRow } from "../api.ts";
import { own } from "../store/own.ts";

export interface Advice {
  happened: string;
  remedy: string;
}

const NOTHING = "Nothing, unless you expected these parameters to work.";
const READ_LOG = "Read the last lines of the log below; correct the program, then retry the run.";
const RETRY_LATER = "Retry the run. To lose less next time, let the program write checkpoints.";

/** By reason, as in the documentation's page on troubleshooting. */
export const ADVICE: Readonly<Record<string, readonly [happened: string, remedy: string]>> = {
  BadParameters: ["The program rejected its parameters (exit code 65).", NOTHING],
  OOMKilled: [
    "The run used more memory than it may.",
    "Nothing if large configurations are expected to fail. Otherwise request more memory in the Sweep's template.",
  ],
  NonFiniteScore: ["The score is NaN or infinite.", "Nothing if the training diverged. Otherwise check the program."],
  FailureRule: ["A rule of perRun.failureRules matched.", "Read the message; it names the rule."],
  Error: ["The program ended with an error.", READ_LOG],
  ResultMissing: [
    "The program ended without an error, but it returned no result.",
    "Let the program write its result to $SWEEP_RESULTS_FILE, then retry the run.",
  ],
  ResultInvalid: ["The result cannot be used.", "Correct the program or the Sweep's metric, then retry the run."],
  LogUnreadable: [
    "The log that contains the result cannot be read.",
    "Let the program write $SWEEP_RESULTS_FILE instead.",
  ],
  Silent: [
    "The program printed nothing for too long.",
    "Find out where it hangs. If it was busy, raise perRun.silenceSeconds.",
  ],
  DeadlineExceeded: ["The run did not end before its deadline.", "Raise the deadline if such a run should finish."],
  InvalidParameters: ["The parameters do not fit the Sweep.", "Add a point with corrected parameters."],
  TemplateLost: [
    "The run's template was deleted, and the Sweep has changed.",
    "Retry the run: it starts with today's template.",
  ],
  NameConflict: ["A Job with this name belongs to another owner.", "Delete that Job, then retry the run."],
  InitContainerFailed: [
    "An init container failed, so the program never started.",
    "Correct the init container, then retry the run.",
  ],
  DiskFull: ["The disk was full.", "Free space on the disk."],
};

/** By failure class, for all other reasons: some of them come from Kubernetes. */
const BY_CLASS: Readonly<Record<string, readonly [happened: string, remedy: string]>> = {
  parameters: ["The run failed because of its parameters.", NOTHING],
  crash: ["The training failed.", READ_LOG],
  eval: ["The evaluation failed.", READ_LOG],
  preempted: ["The pod was taken away: by a more urgent one, by its node, or by a person.", RETRY_LATER],
  infrastructure: [
    "The program never started.",
    "Read the message and the Events; correct the Sweep, then retry the run.",
  ],
  timeout: ["The run did not end in time.", "Raise the deadline if such a run should finish."],
  silent: ["The program printed nothing for too long.", "Find out where it hangs."],
  stopped: ["The run was stopped: by a person or by the end of the sweep.", "Retry the run if you want its result."],
  pruned: [
    "Early stopping ended the run, because its learning curve fell behind.",
    "Nothing. To see how such a run would have ended, retry it.",
  ],
};

export function adviceOn(failure: NonNullable<RunRow["failure"]>): Advice {
  const known = own(ADVICE, failure.reason) ?? own(BY_CLASS, failure.class);
  const [happened, remedy] = known ?? ["The run failed.", "Read the message and the log."];
  return { happened, remedy };
}
