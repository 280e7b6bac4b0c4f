/** Sign-in. Paste and password managers work; the error is said once, next to the form. */
import { useState, type FormEvent } from "react";
import { ProblemError } from "../api/http";
import { signIn } from "../api/queries";
import { enter } from "../session/session";
import { t } from "../words";

export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError("");
    try {
      enter(await signIn(String(form.get("email")), String(form.get("password"))));
    } catch (problem) {
      const wrong = problem instanceof ProblemError && problem.status === 401;
      setError(wrong ? t.session.wrong : problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form className="sign-in-box" onSubmit={(event) => void submit(event)}>
        <img src="/mark.svg" alt="" width="40" height="40" />
        <h1>{t.product}</h1>
        <p className="quiet">{t.session.lead}</p>
        <label className="field">
          <span>{t.session.email}</span>
          <input name="email" type="email" autoComplete="username" required autoFocus />
        </label>
        <label className="field">
          <span>{t.session.password}</span>
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {error && (
          <p className="problem" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? t.session.busy : t.session.go}
        </button>
      </form>
    </main>
  );
}
