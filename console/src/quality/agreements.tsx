/** How far people who judged the same cases agree, by action: several coefficients side by side, since each misleads alone. */
import type { AgreementOf } from "../api/wire";
import { t } from "../words";

const w = t.quality;

export function Agreements({ data }: { data: AgreementOf[] }) {
  return (
    <section className="section" aria-labelledby="quality-agreement">
      <h2 id="quality-agreement">{w.agreement}</h2>
      <p className="quiet">{w.agreementLead}</p>
      {data.length === 0 ? <p className="quiet">{w.nobodyTwice}</p> : (
        <ul className="plain agreements">
          {data.map((one) => (
            <li key={one.action}>
              <div className="agreement-head">
                <strong>{one.action}</strong>
                <span className={`standing ${one.state === "below" ? "flagged" : one.state === "met" ? "clear" : "open"}`}>
                  {one.state === "below" ? "! " : ""}{w.agreementState[one.state]}{one.state === "met" || one.state === "below" ? ` ${one.threshold.toFixed(2)}` : ""}
                </span>
              </div>
              {one.state === "not_enough" ? <p className="quiet">{w.of(one.cases, one.need, w.doubled)}</p> : (
                <dl className="coefficients">
                  <Coefficient name={w.raw} of={one.raw} />
                  <Coefficient name={w.alpha} of={one.alpha} />
                  <Coefficient name={w.ac1} of={one.ac1} />
                  <div><dt>{w.doubled}</dt><dd>{one.cases}</dd></div>
                </dl>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Coefficient({ name, of }: { name: string; of: AgreementOf["raw"] }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {of.value === null ? w.undefinedFigure : of.value.toFixed(3)}
        {of.low !== null && of.high !== null && <span className="quiet"> {of.low.toFixed(3)} – {of.high.toFixed(3)}</span>}
      </dd>
    </div>
  );
}
