/** What the dialog says about each action. */
import type { Begun } from "./state.ts";

interface Words {
  title: string;
  effect: string;
  /** On the button that confirms it. */
  confirm: string;
}

const WORDS: Record<Begun["action"], Words> = {
  add: {
    title: "Add a point",
    effect:
      "A run with these parameters starts when a slot is free. It does not count as one of the sweep's maximum of runs.",
    confirm: "Add the point",
  },
  retry: {
    title: "Retry run",
    effect: "A new run with the same parameters starts when a slot is free.",
    confirm: "Retry the run",
  },
  stop: {
    title: "Stop run",
    effect: "The run ends now, and nothing is learned from it. This cannot be undone.",
    confirm: "Stop the run",
  },
  suspend: {
    title: "Suspend the sweep",
    effect: "Active runs are terminated and continue after the sweep is resumed. No new run starts until then.",
    confirm: "Suspend the sweep",
  },
  resume: {
    title: "Resume the sweep",
    effect: "The sweep continues where it was suspended.",
    confirm: "Resume the sweep",
  },
  limits: {
    title: "Change the limits",
    effect: "The new limits apply at once. Raising one resumes a finished sweep.",
    confirm: "Change the limits",
  },
};

const STOP_SWEEP: Words = {
  title: "Stop the sweep",
  effect: "Active runs end now and are not continued, and no new run starts. You can resume the sweep later.",
  confirm: "Stop the sweep",
};

/** The words of an action, with the label of the run that it is about. */
export function wordsOf(now: Begun): Words {
  const words = WORDS[now.action];
  if ("run" in now) return now.run ? { ...words, title: `${words.title} ${now.run.label}` } : STOP_SWEEP;
  if (now.action === "add" && now.from)
    return { ...words, title: `${words.title}, starting from run ${now.from.label}` };
  return words;
}
