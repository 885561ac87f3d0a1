import { useState } from "preact/hooks";
import type { ActionRequest } from "../api.ts";
import { act } from "./preview.ts";

/** What has become of an action: not sent yet, on its way, or what the server answered. */
export interface Outcome {
  state: "asked" | "sent" | "done" | "failed";
  text: string;
}

export function useOutcome(): [outcome: Outcome, send: (request: ActionRequest) => Promise<void>] {
  const [outcome, setOutcome] = useState<Outcome>({ state: "asked", text: "" });
  const send = async (request: ActionRequest) => {
    setOutcome({ state: "sent", text: "" });
    try {
      setOutcome({ state: "done", text: (await act(request)).message || "Done." });
    } catch (error) {
      setOutcome({ state: "failed", text: (error as Error).message });
    }
  };
  return [outcome, send];
}
