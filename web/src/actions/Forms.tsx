/** The forms of the actions that need input. */
import { useEffect, useState } from "preact/hooks";
import type { Parameter, RunRow } from "../api.ts";
import { page } from "../store/store.ts";
import { scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import type { Draft } from "./ActionDialog.tsx";
import { boundsOf, changedLimits, limitFields, parametersOf, prefilled } from "./form.ts";

interface FormProps {
  /** Null: the form has errors or asks for nothing. */
  onDraft: (draft: Draft | null) => void;
}

const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

export function AddForm({ from, onDraft }: FormProps & { from: RunRow | null }) {
  const [now] = useState(page.value!);
  const [texts, setTexts] = useState(() => prefilled(now.parameters, from));
  const [name, setName] = useState("");
  const { values, errors, warnings } = parametersOf(texts, now.parameters);
  const nameError = name && !NAME.test(name) ? "lower case letters, digits, hyphens and dots; at most 63" : "";
  const wrong = nameError !== "" || Object.keys(errors).length > 0;
  useEffect(() => {
    onDraft(wrong ? null : { parameters: values, ...(name ? { run: name } : {}) });
  }, [JSON.stringify(texts), name]);
  return (
    <fieldset class="fields">
      <legend>Parameters. An empty one takes its search center.</legend>
      {now.parameters.map((p) => (
        <ParameterField
          key={p.path}
          parameter={p}
          text={texts[p.path] ?? ""}
          error={errors[p.path] ?? ""}
          warning={warnings[p.path] ?? ""}
          onText={(text) => setTexts({ ...texts, [p.path]: text })}
        />
      ))}
      <Field
        id="run-name"
        label="Name of the run (optional)"
        help="Chosen for you if empty"
        error={nameError}
        warning=""
      >
        <input
          id="run-name"
          type="text"
          value={name}
          aria-describedby="run-name-help"
          onInput={(e) => setName(e.currentTarget.value.trim())}
        />
      </Field>
    </fieldset>
  );
}

interface ParameterProps {
  parameter: Parameter;
  text: string;
  error: string;
  warning: string;
  onText: (text: string) => void;
}

function ParameterField({ parameter: p, text, error, warning, onText }: ParameterProps) {
  const id = `parameter-${p.path}`;
  const center = p.mean === null ? "" : `; center ${scalar(p.mean)}`;
  const help = `${boundsOf(p)}${center}${p.when ? `; only with ${p.when}` : ""}`;
  const described = { "aria-describedby": `${id}-help`, "aria-invalid": error !== "" };
  return (
    <Field id={id} label={p.path} help={help} error={error} warning={warning}>
      {p.values ? (
        <select id={id} value={text} {...described} onChange={(e) => onText(e.currentTarget.value)}>
          <option value="">(search center)</option>
          {p.values.map((value) => (
            <option key={String(value)} value={String(value)}>
              {String(value)}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="text"
          inputMode="decimal"
          value={text}
          {...described}
          onInput={(e) => onText(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function LimitsForm({ onDraft }: FormProps) {
  const now = page.value!;
  const fields = limitFields(now.limits, now.row.costUnit);
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(fields.map((field) => [field.name, field.value === null ? "" : String(field.value)])),
  );
  const { limits, errors } = changedLimits(texts, fields);
  const nothing = Object.keys(limits).length === 0 || Object.keys(errors).length > 0;
  useEffect(() => {
    onDraft(nothing ? null : { limits });
  }, [JSON.stringify(texts)]);
  return (
    <fieldset class="fields">
      <legend>Limits. Change one to see the command.</legend>
      {fields.map((field) => {
        const id = `limit-${field.name}`;
        const was = field.value === null ? "no limit now" : `${field.value} now`;
        return (
          <Field
            key={field.name}
            id={id}
            label={field.label}
            help={`${field.help}; ${was}`}
            error={errors[field.name] ?? ""}
            warning=""
          >
            <input
              id={id}
              type="text"
              inputMode="decimal"
              value={texts[field.name] ?? ""}
              aria-describedby={`${id}-help`}
              aria-invalid={field.name in errors}
              onInput={(e) => setTexts({ ...texts, [field.name]: e.currentTarget.value })}
            />
          </Field>
        );
      })}
    </fieldset>
  );
}

interface FieldProps {
  id: string;
  label: string;
  help: string;
  error: string;
  warning: string;
  children: preact.ComponentChildren;
}

function Field({ id, label, help, error, warning, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>
        <Text value={label} limit={120} />
      </label>
      {children}
      <span id={`${id}-help`} class={error ? "error" : warning ? "warning" : "muted"}>
        <Text value={error || warning || help} limit={200} />
      </span>
    </div>
  );
}
