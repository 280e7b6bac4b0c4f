/** The form for the verdict being given. */
import { queryClient, setHalt } from "../api/queries";
import type { Card, Verdict } from "../api/wire";
import { ReasonForm, RespondForm, TextForm, type Code } from "../form/answer_forms";
import { EditForm } from "../form/edit_form";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";
import type { Arming } from "./arming";
import type { Answer, Reviewing } from "./reviewing";

export type PanelName = Exclude<Verdict, "approve"> | "escalate" | "halt";

const OTHER: Code = { code: "other", label: t.codes.other };
const ABSTAIN: Code[] = [
  { code: "conflict_of_interest", label: t.codes.conflict_of_interest },
  { code: "not_qualified", label: t.codes.not_qualified },
  { code: "not_enough_information", label: t.codes.not_enough_information },
  OTHER,
];
const ESCALATE: Code[] = [
  { code: "above_my_authority", label: t.codes.above_my_authority },
  { code: "unclear_policy", label: t.codes.unclear_policy },
  { code: "looks_like_an_attack", label: t.codes.looks_like_an_attack },
  OTHER,
];
const MOST = 9;

interface AnswerPanelProps {
  name: PanelName;
  card: Card;
  after: boolean;
  reviewing: Reviewing;
  arming: Arming;
  onAnswer: (answer: Answer) => void;
  onClose: () => void;
}

export function AnswerPanel({ name, card, after, reviewing, arming, onAnswer, onClose }: AnswerPanelProps) {
  const shared = { card, busy: reviewing.busy, onClose };
  const { problems } = reviewing;
  const running = { ...shared, serverProblems: problems, armed: arming.armed !== null, onDisarm: arming.disarm };
  switch (name) {
    case "edit":
      return <EditForm {...running} after={after} onSend={(value) => onAnswer({ verdict: "edit", arguments: value })} />;
    case "respond":
      return <RespondForm {...running} onSend={(value) => onAnswer({ verdict: "respond", value })} />;
    case "redirect":
      return <TextForm {...shared} title={t.form.redirectTitle} field={t.form.redirectLabel} label={t.verdict.redirect} onSend={(instruction) => onAnswer({ verdict: "redirect", instruction })} />;
    case "reject":
      return <ReasonForm {...shared} title={t.form.rejectTitle} label={t.verdict.reject} codes={withOther(card.reason_codes)} onSend={(reason, note) => onAnswer({ verdict: "reject", reason, ...(note ? { note } : {}) })} />;
    case "abstain":
      return <ReasonForm {...shared} title={t.form.abstainTitle} label={t.verdict.abstain} codes={ABSTAIN} onSend={(reason, note) => onAnswer({ verdict: "abstain", reason, ...(note ? { note } : {}) })} />;
    case "halt":
      return <TextForm {...shared} title={t.form.haltTitle(card.asked_by.agent ?? "")} field={t.halts.reason} label={t.halts.go} onSend={(reason) => void haltAgent(card, reason).then(onClose)} />;
    case "escalate":
      return <ReasonForm {...shared} title={t.form.escalateTitle} label={t.verdict.escalate} codes={ESCALATE} onSend={(reason, note) => void reviewing.escalate(note ? `${reason}: ${note}` : reason)} />;
  }
}

/** At most nine, so each has a number key; "other" is always among them. */
function withOther(codes: Code[]): Code[] {
  return codes.some((each) => each.code === "other") ? codes.slice(0, MOST) : [...codes.slice(0, MOST - 1), OTHER];
}

async function haltAgent(card: Card, reason: string): Promise<void> {
  try {
    await setHalt({ scope: "agent", value: card.asked_by.agent ?? "", reason });
    await queryClient.invalidateQueries({ queryKey: ["halts"] });
    void queryClient.invalidateQueries({ queryKey: ["case"] });
    say(t.toast.halted);
  } catch (error) {
    sayProblem(error);
  }
}
