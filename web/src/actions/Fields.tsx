/** The fields of the forms of actions. */
import { type ComponentChildren, cloneElement, type VNode } from "preact";
import { useId } from "preact/hooks";
import type { ActionRequest, Parameter } from "../api.ts";
import { scalar, visible } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { boundsOf } from "./form.ts";

/** What a form has of a request. */
export type Draft = Pick<ActionRequest, "run" | "parameters" | "limits">;

export interface FormProps {
  /** Null: the form has errors or asks for nothing. */
  onDraft: (draft: Draft | null) => void;
}

interface FieldProps {
  label: string;
  help: string;
  error?: string | undefined;
  warning?: string | undefined;
}

/** A label, an input, and below it what is wrong with its value or what may be entered. */
function Field({ label, help, error, warning, children }: FieldProps & { children: VNode }) {
  const id = useId();
  const input = { id, "aria-describedby": `${id}-help`, "aria-invalid": Boolean(error) };
  return (
    <div class="field">
      <label for={id}>
        <Text value={label} limit={120} />
      </label>
      {cloneElement(children, input)}
      <span id={`${id}-help`} class={error ? "error" : warning ? "warning" : "muted"}>
        <Text value={error || warning || help} limit={200} />
      </span>
    </div>
  );
}

interface TextFieldProps extends FieldProps {
  text: string;
  onText: (text: string) => void;
  /** Keys of a numeric keyboard. */
  decimal?: boolean;
}

export function TextField({ text, onText, decimal, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      <input
        type="text"
        inputMode={decimal ? "decimal" : "text"}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </Field>
  );
}

interface ParameterFieldProps extends Pick<TextFieldProps, "text" | "error" | "warning" | "onText"> {
  parameter: Parameter;
}

export function ParameterField({ parameter: p, text, onText, ...state }: ParameterFieldProps) {
  const center = p.mean === null ? "" : `; center ${scalar(p.mean)}`;
  const field = { label: p.path, help: `${boundsOf(p)}${center}${p.when ? `; only with ${p.when}` : ""}`, ...state };
  if (!p.values) return <TextField {...field} text={text} onText={onText} decimal />;
  return (
    <Field {...field}>
      <select value={text} onChange={(event) => onText(event.currentTarget.value)}>
        <option value="">(search center)</option>
        {p.values.map((value) => (
          <option key={String(value)} value={String(value)}>
            {visible(String(value), 80)}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function FieldSet({ legend, children }: { legend: string; children: ComponentChildren }) {
  return (
    <fieldset class="fields">
      <legend>{legend}</legend>
      {children}
    </fieldset>
  );
}
