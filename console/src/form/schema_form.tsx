/** A form from a JSON Schema. Values keep their types; what the form cannot draw is edited as raw JSON. */
import { createContext, useContext, useId, useState, type ReactNode } from "react";
import type { Json, JsonObject } from "../api/wire";
import { isObject, pointer, same, words } from "../marks/json";
import { t } from "../words";
import { ChoiceInput, NumberInput, RawInput, TextInput, YesNoInput } from "./inputs";
import { blank, kindOf, nullable, propertiesOf, requiredOf, resolve, type Path } from "./schema";

interface Form {
  root: JsonObject;
  problems: Record<string, string>;
  /** a text that is not (yet) a value of its type */
  reportText: (at: string, problem: string) => void;
  /** what stands in place of a value that must not be seen yet, or null */
  cover: (at: string) => ReactNode;
}

const OPEN = () => null;

const FormContext = createContext<Form>({ root: {}, problems: {}, reportText: () => undefined, cover: OPEN });

export interface SchemaFormProps {
  schema: JsonObject;
  value: Json;
  original: Json | undefined;
  problems: Record<string, string>;
  onChange: (value: Json) => void;
  onText: (at: string, problem: string) => void;
  cover?: (at: string) => ReactNode;
}

export function SchemaForm({ schema, value, original, problems, onChange, onText, cover = OPEN }: SchemaFormProps) {
  return (
    <FormContext.Provider value={{ root: schema, problems, reportText: onText, cover }}>
      <div className="schema-form">
        <Field schema={schema} value={value} original={original} path={[]} onChange={onChange} label="" required />
      </div>
    </FormContext.Provider>
  );
}

interface FieldProps {
  schema: JsonObject;
  value: Json | undefined;
  original: Json | undefined;
  path: Path;
  label: string;
  required: boolean;
  onChange: (value: Json) => void;
  onRemove?: (() => void) | undefined;
}

function Field(props: FieldProps) {
  const { root, cover } = useContext(FormContext);
  const schema = resolve(props.schema, root);
  const instead = props.value === undefined ? null : cover(pointer(props.path));
  if (instead) return <div className="field"><span className="label">{props.label}</span>{instead}</div>;
  const kind = kindOf(schema, props.value ?? props.original);
  if (props.value === undefined) return <Absent {...props} schema={schema} />;
  if (kind === "object" && isObject(props.value)) return <ObjectField {...props} schema={schema} value={props.value} />;
  if (kind === "array" && Array.isArray(props.value)) return <ListField {...props} schema={schema} value={props.value} />;
  return <Leaf {...props} schema={schema} kind={props.value === null && !nullable(schema) && kind !== "choice" ? "raw" : kind} />;
}

function Absent({ schema, label, path, required, onChange }: FieldProps) {
  const { root, problems } = useContext(FormContext);
  const problem = problems[pointer(path)];
  return (
    <div className="field absent">
      <span className="label">{label}</span>
      <button type="button" className="small" onClick={() => onChange(blank(schema, root))}>
        {t.form.add}
      </button>
      <span className={problem ? "problem" : "quiet"}>{problem ?? (required ? t.form.required : t.form.none)}</span>
    </div>
  );
}

function ObjectField({ schema, value, original, path, label, onChange }: Omit<FieldProps, "value"> & { value: JsonObject }) {
  const properties = propertiesOf(schema);
  const required = new Set(requiredOf(schema));
  const names = [...new Set([...Object.keys(properties), ...Object.keys(value)])];
  const before = isObject(original) ? original : {};
  const body = names.map((name) => (
    <Field
      key={name}
      schema={properties[name] ?? {}}
      value={value[name]}
      original={before[name]}
      path={[...path, name]}
      label={typeof properties[name]?.title === "string" ? properties[name].title : words(name)}
      required={required.has(name)}
      onChange={(next) => onChange({ ...value, [name]: next })}
      onRemove={required.has(name) ? undefined : () => onChange(without(value, name))}
    />
  ));
  if (path.length === 0) return <>{body}</>;
  return (
    <fieldset className="group">
      <legend>{label}</legend>
      {body}
    </fieldset>
  );
}

const without = (value: JsonObject, name: string): JsonObject => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));

function ListField({ schema, value, original, path, label, onChange }: Omit<FieldProps, "value"> & { value: Json[] }) {
  const { root } = useContext(FormContext);
  const item = isObject(schema.items) ? schema.items : {};
  const before = Array.isArray(original) ? original : [];
  return (
    <fieldset className="group">
      <legend>{label}</legend>
      {value.map((each, i) => (
        <div key={i} className="list-item">
          <Field schema={item} value={each} original={before[i]} path={[...path, i]} label={`${i + 1}`} required onChange={(next) => onChange(value.with(i, next))} />
          <button type="button" className="small ghost" aria-label={`${t.form.remove} ${label} ${i + 1}`} onClick={() => onChange(value.filter((_, j) => j !== i))}>
            {t.form.remove}
          </button>
        </div>
      ))}
      <button type="button" className="small" onClick={() => onChange([...value, emptyLike(item, value, root)])}>
        {t.form.add}
      </button>
    </fieldset>
  );
}

/** Without a schema a new item takes the type of its neighbours. */
function emptyLike(item: JsonObject, value: Json[], root: JsonObject): Json {
  if (Object.keys(item).length > 0) return blank(item, root);
  const neighbour = value.at(-1);
  return typeof neighbour === "number" ? 0 : typeof neighbour === "boolean" ? false : isObject(neighbour) ? {} : "";
}

function Leaf({ schema, value, original, path, label, required, onChange, onRemove, kind }: FieldProps & { kind: ReturnType<typeof kindOf> }) {
  const { problems, reportText } = useContext(FormContext);
  const id = useId();
  const at = pointer(path);
  const [version, setVersion] = useState(0);
  const edited = original !== undefined && !same(original, value ?? null);
  const problem = problems[at];
  const shared = { id, name: at, described: problem ? `${id}-problem` : undefined, invalid: Boolean(problem) };
  const report = (text: string) => reportText(at, text);
  const plain = value ?? null;

  let input: ReactNode;
  if (kind === "choice") input = <ChoiceInput {...shared} options={schema.enum as Json[]} value={plain} onChange={onChange} />;
  else if (kind === "boolean") input = <YesNoInput {...shared} value={plain === true} onChange={onChange} />;
  else if (kind === "number" || kind === "integer") input = <NumberInput key={version} {...shared} value={typeof plain === "number" ? plain : null} whole={kind === "integer"} onChange={onChange} onText={report} />;
  else if (kind === "string") input = <TextInput {...shared} value={typeof plain === "string" ? plain : ""} format={typeof schema.format === "string" ? schema.format : ""} onChange={onChange} />;
  else input = <RawInput key={version} {...shared} value={plain} onChange={onChange} onText={report} />;

  const revert = () => {
    report("");
    setVersion((n) => n + 1);
    if (original !== undefined) onChange(original);
  };

  return (
    <div className={edited ? "field edited" : "field"}>
      <label className="label" htmlFor={id}>
        {label || t.card.arguments}
        {required && <span className="quiet"> · {t.form.required}</span>}
        {edited && <span className="tag edit-mark">{t.form.edited}</span>}
      </label>
      {input}
      {typeof schema.description === "string" && <span className="quiet help">{schema.description}</span>}
      {problem && <span className="problem" id={`${id}-problem`}>{problem}</span>}
      {(edited || (onRemove && nullable(schema))) && (
        <span className="field-tools">
          {edited && <button type="button" className="small ghost" onClick={revert}>{t.form.revert}</button>}
          {onRemove && nullable(schema) && <button type="button" className="small ghost" onClick={onRemove}>{t.form.remove}</button>}
        </span>
      )}
    </div>
  );
}
