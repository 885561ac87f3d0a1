import type { ActionAnswer } from "../api.ts";
import { Copyable } from "../controls/Copyable.tsx";
import { server } from "../store/store.ts";
import { cost } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { ErrorText } from "./ActionDialog.tsx";
import type { Preview } from "./preview.ts";

/** The command that does the same, the predicted cost, and warnings. */
export function PreviewBox({ preview, asked }: { preview: Preview; asked: boolean }) {
  if (!asked) return <p class="muted">Complete the form to see the command.</p>;
  const { answer, state, error } = preview;
  return (
    <section class="preview" aria-label="What will happen" aria-busy={state === "waiting"}>
      {state === "failed" && <ErrorText text={error} />}
      {!answer && state === "waiting" && <p class="muted">Asking {server.value?.command ?? "the server"}…</p>}
      {answer && <Effects answer={answer} />}
    </section>
  );
}

function Effects({ answer: { command, predictedCost: predicted, notes } }: { answer: ActionAnswer }) {
  return (
    <>
      <h3>The same as a command</h3>
      <Copyable text={command} label="the command" />
      {predicted && (
        <p>
          Predicted cost: <strong>{cost(predicted.median, predicted.unit)}</strong>, with a probability of 80% between{" "}
          {cost(predicted.low, predicted.unit)} and {cost(predicted.high, predicted.unit)}.
        </p>
      )}
      {notes.map((note) => (
        <p class="warning" key={note}>
          <Text value={note} limit={2000} />
        </p>
      ))}
    </>
  );
}
