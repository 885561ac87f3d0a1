import { useLayoutEffect, useState } from "preact/hooks";
import type { RunRow } from "../api.ts";
import { own } from "../store/own.ts";
import { page } from "../store/store.ts";
import { FieldSet, type FormProps, ParameterField, TextField } from "./Fields.tsx";
import { nameError, parametersOf, prefilled } from "./form.ts";

/** The parameters of a new run, prefilled from another one. */
export function AddForm({ from, onDraft }: FormProps & { from: RunRow | null }) {
  const [now] = useState(page.value!);
  const [texts, setTexts] = useState(() => prefilled(now.parameters, from));
  const [name, setName] = useState("");
  const { values, errors, warnings } = parametersOf(texts, now.parameters);
  const badName = nameError(name);
  const wrong = badName !== "" || Object.keys(errors).length > 0;
  useLayoutEffect(() => {
    // before the next key: Enter sends what the form shows
    onDraft(wrong ? null : { parameters: values, ...(name ? { run: name } : {}) });
  }, [JSON.stringify(texts), name]);
  return (
    <FieldSet legend="Parameters. An empty one takes its search center.">
      {now.parameters.map((p) => (
        <ParameterField
          key={p.path}
          parameter={p}
          text={texts[p.path] ?? ""}
          error={own(errors, p.path)}
          warning={own(warnings, p.path)}
          onText={(text) => setTexts({ ...texts, [p.path]: text })}
        />
      ))}
      <TextField
        label="Name of the run (optional)"
        help="Chosen for you if empty"
        error={badName}
        text={name}
        onText={(text) => setName(text.trim())}
      />
    </FieldSet>
  );
}
