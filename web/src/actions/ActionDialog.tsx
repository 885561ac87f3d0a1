/** The dialog of every action: form, equivalent command, predicted cost, one confirmation, and the server's answer. */
import { useState } from "preact/hooks";
import type { ActionRequest } from "../api.ts";
import { page } from "../store/store.ts";
import { Remark, Text } from "../text/Text.tsx";
import { AddForm } from "./AddForm.tsx";
import { Dialog } from "./Dialog.tsx";
import type { Draft } from "./Fields.tsx";
import { LimitsForm } from "./LimitsForm.tsx";
import { PreviewBox } from "./PreviewBox.tsx";
import { usePreview } from "./preview.ts";
import { type Begun, begun, readOnlyReason } from "./state.ts";
import { type Outcome, useOutcome } from "./useOutcome.ts";
import { wordsOf } from "./words.ts";

export function ActionDialog() {
  const now = begun.value;
  if (!now || !page.value) return null;
  return (
    <Dialog title={wordsOf(now).title} onClose={close}>
      <Body now={now} />
    </Dialog>
  );
}

function close(): void {
  begun.value = null;
}

function Body({ now }: { now: Begun }) {
  const asks = now.action === "add" || now.action === "limits";
  const [draft, setDraft] = useState<Draft | null>(asks ? null : "run" in now && now.run ? { run: now.run.name } : {});
  const request = draft && requestOf(now, draft);
  const preview = usePreview(request);
  const [outcome, send] = useOutcome();
  const reason = readOnlyReason();
  if (outcome.state === "done") return <Done text={outcome.text} />;
  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        if (request && !reason && outcome.state !== "sent") void send(request);
      }}
    >
      <p>{wordsOf(now).effect}</p>
      {now.action === "add" && <AddForm from={now.from} onDraft={setDraft} />}
      {now.action === "limits" && <LimitsForm onDraft={setDraft} />}
      <PreviewBox preview={preview} asked={request !== null} />
      {reason && <Remark text={reason} />}
      {outcome.state === "failed" && <ErrorText text={outcome.text} />}
      <Buttons outcome={outcome} confirm={reason ? null : wordsOf(now).confirm} ready={request !== null} />
    </form>
  );
}

function requestOf({ action }: Begun, draft: Draft): ActionRequest {
  const { namespace, name } = page.value!.row;
  return { ...draft, action, namespace, sweep: name, preview: false };
}

export function ErrorText({ text }: { text: string }) {
  return (
    <p role="alert" class="error">
      <Text value={text} limit={2000} />
    </p>
  );
}

interface ButtonsProps {
  outcome: Outcome;
  /** Null: nothing can be confirmed. */
  confirm: string | null;
  ready: boolean;
}

function Buttons({ outcome, confirm, ready }: ButtonsProps) {
  const sends = outcome.state === "sent";
  return (
    <div class="dialog-buttons">
      <button type="button" onClick={close}>
        Cancel
      </button>
      {confirm && (
        <button type="submit" disabled={!ready || sends}>
          {sends ? "Sending…" : confirm}
        </button>
      )}
    </div>
  );
}

function Done({ text }: { text: string }) {
  return (
    <>
      <p role="status" class="done">
        <Text value={text} limit={2000} />
      </p>
      <div class="dialog-buttons">
        <button type="button" ref={(button) => button?.focus()} onClick={close}>
          Close
        </button>
      </div>
    </>
  );
}
