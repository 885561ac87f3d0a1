/** The dialog of every action: form, equivalent command, predicted cost, one confirmation, and the server's answer. */
import { useState } from "preact/hooks";
import type { ActionAnswer, ActionRequest } from "../api.ts";
import { page, server } from "../store/store.ts";
import { cost } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { Copyable } from "./Copyable.tsx";
import { Dialog } from "./Dialog.tsx";
import { AddForm, LimitsForm } from "./Forms.tsx";
import { act, type Preview, usePreview } from "./preview.ts";
import { type Begun, begun, readOnlyReason } from "./state.ts";

export type Draft = Pick<ActionRequest, "run" | "parameters" | "limits">;

export function ActionDialog() {
  const now = begun.value;
  if (!now || !page.value) return null;
  return (
    <Dialog title={titleOf(now)} onClose={() => (begun.value = null)}>
      <Body now={now} />
    </Dialog>
  );
}

function titleOf(now: Begun): string {
  switch (now.action) {
    case "add":
      return now.from ? `Add a point, starting from run ${now.from.label}` : "Add a point";
    case "retry":
      return `Retry run ${now.run.label}`;
    case "stop":
      return `Stop run ${now.run.label}`;
    case "suspend":
      return "Suspend the sweep";
    case "resume":
      return "Resume the sweep";
    case "limits":
      return "Change the limits";
  }
}

const EFFECTS: Record<Begun["action"], string> = {
  add: "A run with these parameters starts when a slot is free. It does not count as one of the sweep's maximum of runs.",
  retry: "A new run with the same parameters starts when a slot is free.",
  stop: "The run ends now, and nothing is learned from it. This cannot be undone.",
  suspend: "Active runs are terminated and continue after the sweep is resumed. No new run starts until then.",
  resume: "The sweep continues where it was suspended.",
  limits: "The new limits apply at once. Raising one resumes a finished sweep.",
};

const CONFIRM: Record<Begun["action"], string> = {
  add: "Add the point",
  retry: "Retry the run",
  stop: "Stop the run",
  suspend: "Suspend the sweep",
  resume: "Resume the sweep",
  limits: "Change the limits",
};

function Body({ now }: { now: Begun }) {
  const asks = now.action === "add" || now.action === "limits";
  const [draft, setDraft] = useState<Draft | null>(asks ? null : "run" in now ? { run: now.run.name } : {});
  const [outcome, setOutcome] = useState<{ state: "asked" | "sent" | "done" | "failed"; text: string }>({
    state: "asked",
    text: "",
  });
  const { namespace, name } = page.value!.row;
  const request: ActionRequest | null = draft && {
    ...draft,
    action: now.action,
    namespace,
    sweep: name,
    preview: false,
  };
  const preview = usePreview(request as ActionRequest | null);
  const reason = readOnlyReason();
  const send = async () => {
    setOutcome({ state: "sent", text: "" });
    try {
      setOutcome({ state: "done", text: saidBy(await act(request!)) });
    } catch (error) {
      setOutcome({ state: "failed", text: (error as Error).message });
    }
  };
  if (outcome.state === "done") return <Done text={outcome.text} />;
  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        if (request && !reason && outcome.state !== "sent") void send();
      }}
    >
      <p>{EFFECTS[now.action]}</p>
      {now.action === "add" && <AddForm from={now.from} onDraft={setDraft} />}
      {now.action === "limits" && <LimitsForm onDraft={setDraft} />}
      <PreviewBox preview={preview} asked={request !== null} />
      {reason && <p class="muted">{reason}</p>}
      {outcome.state === "failed" && (
        <p role="alert" class="error">
          <Text value={outcome.text} limit={2000} />
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" onClick={() => (begun.value = null)}>
          Cancel
        </button>
        {!reason && (
          <button type="submit" disabled={!request || outcome.state === "sent"}>
            {outcome.state === "sent" ? "Sending…" : CONFIRM[now.action]}
          </button>
        )}
      </div>
    </form>
  );
}

function saidBy(answer: ActionAnswer): string {
  return answer.message || "Done.";
}

function Done({ text }: { text: string }) {
  return (
    <>
      <p role="status" class="done">
        <Text value={text} limit={2000} />
      </p>
      <div class="dialog-buttons">
        <button type="button" ref={(button) => button?.focus()} onClick={() => (begun.value = null)}>
          Close
        </button>
      </div>
    </>
  );
}

function PreviewBox({ preview, asked }: { preview: Preview; asked: boolean }) {
  if (!asked) return <p class="muted">Complete the form to see the command.</p>;
  const { answer } = preview;
  const predicted = answer?.predictedCost;
  return (
    <section class="preview" aria-label="What will happen" aria-busy={preview.state === "waiting"}>
      {preview.state === "failed" && (
        <p role="alert" class="error">
          <Text value={preview.error} limit={2000} />
        </p>
      )}
      {!answer && preview.state === "waiting" && <p class="muted">Asking {server.value?.command ?? "the server"}…</p>}
      {answer && (
        <>
          <h3>The same as a command</h3>
          <Copyable text={answer.command} label="the command" />
          {predicted && (
            <p>
              Predicted cost: <strong>{cost(predicted.median, predicted.unit)}</strong>, with a probability of 80%
              between {cost(predicted.low, predicted.unit)} and {cost(predicted.high, predicted.unit)}.
            </p>
          )}
          {answer.notes.map((note) => (
            <p class="warning" key={note}>
              <Text value={note} limit={2000} />
            </p>
          ))}
        </>
      )}
    </section>
  );
}
