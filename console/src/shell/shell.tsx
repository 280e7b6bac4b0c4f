/** The frame of every page: where you are, whether it is live, who you are. */
import { useState } from "react";
import { signOut } from "../api/queries";
import { useLive } from "../api/use_live";
import { HaltBanner } from "../halts/halt_banner";
import { MonitorBanner } from "../operations/monitors_panel";
import { useCommands } from "../keys/keymap";
import { QueuePage } from "../queue/queue_page";
import { clearSelection } from "../queue/selection";
import { go, readRoute, useRoute, type Page, type Route } from "../route/route";
import { leave, usePerson } from "../session/session";
import { Later, later } from "../ui/later";
import { Loading } from "../ui/state";
import { Hint } from "../ui/hint";
import { applyTheme, type Theme } from "../ui/theme";
import { Toasts, sayProblem } from "../ui/toast";
import { UndoTray } from "../undo/undo_tray";
import { takeBack } from "../undo/undo_list";
import { t } from "../words";

/** Not needed for the first card, so fetched when first opened. */
const BatchPage = later(() => import("../batch/batch_page"), (module) => module.default, false);
const OperationsPage = later(() => import("../operations/operations_page"), (module) => module.default, false);
const QualityPage = later(() => import("../quality/quality_page"), (module) => module.default, false);
const HaltsPage = later(() => import("../halts/halts_page"), (module) => module.default, false);
const Help = later(() => import("../keys/help"), (module) => module.Help);
const Palette = later(() => import("../keys/palette"), (module) => module.Palette);

const toCases = (state: "open" | "decided") => {
  clearSelection();
  go({ page: "queue", caseId: null, filter: { ...readRoute().filter, state } });
};
const toPage = (page: Page) => go({ page, caseId: null });

export function Shell() {
  const route = useRoute();
  const live = useLive();
  const [dialog, setDialog] = useState<"help" | "palette" | null>(null);
  useCommands({
    help: () => setDialog("help"),
    palette: () => setDialog("palette"),
    undo: () => void takeBack(),
    go_queue: () => toCases("open"),
    go_decided: () => toCases("decided"),
    go_operations: () => toPage("operations"),
    go_quality: () => toPage("quality"),
    go_halts: () => toPage("halts"),
  });
  return (
    <div className="shell">
      <TopBar route={route} live={live} onHelp={() => setDialog("help")} onPalette={() => setDialog("palette")} />
      <HaltBanner />
      <MonitorBanner />
      {route.page === "queue" && <QueuePage />}
      <Later key={route.page} fallback={<main className="page"><Loading /></main>}>
        {route.page === "batch" && <BatchPage />}
        {route.page === "operations" && <OperationsPage />}
        {route.page === "quality" && <QualityPage />}
        {route.page === "halts" && <HaltsPage />}
      </Later>
      <div className="corner">
        <Toasts />
        <UndoTray />
      </div>
      <Later key={dialog}>
        {dialog === "help" && <Help onClose={() => setDialog(null)} />}
        {dialog === "palette" && <Palette extras={extras()} onClose={() => setDialog(null)} />}
      </Later>
    </div>
  );
}

const out = () => void signOut().then(leave).catch(sayProblem);

const extras = () => [
  ...(["system", "light", "dark"] as Theme[]).map((theme) => ({ name: `${t.theme.label}: ${t.theme[theme]}`, act: () => applyTheme(theme) })),
  { name: t.session.out, act: out },
];

interface TopBarProps {
  route: Route;
  live: "live" | "connecting" | "lost";
  onHelp: () => void;
  onPalette: () => void;
}

function TopBar({ route, live, onHelp, onPalette }: TopBarProps) {
  const person = usePerson();
  const decided = route.filter.state === "decided";
  return (
    <header className="top">
      <span className="brand">
        <img src="/mark.svg" alt="" width="22" height="22" />
        <span className="brand-name">{t.product}</span>
        {person.workspace && person.workspace !== "default" && <span className="quiet">{person.workspace}</span>}
      </span>
      <nav aria-label={t.nav.main}>
        <NavButton current={route.page === "queue" && !decided} onClick={() => toCases("open")}>{t.nav.queue}</NavButton>
        <NavButton current={route.page === "queue" && decided} onClick={() => toCases("decided")}>{t.nav.decided}</NavButton>
        <NavButton current={route.page === "operations"} onClick={() => toPage("operations")}>{t.nav.operations}</NavButton>
        <NavButton current={route.page === "quality"} onClick={() => toPage("quality")}>{t.nav.quality}</NavButton>
        <NavButton current={route.page === "halts"} onClick={() => toPage("halts")}>{t.nav.halts}</NavButton>
      </nav>
      <span className={`live ${live}`} role="status">
        <span className="live-dot" aria-hidden="true" /> {t.live[live]}
      </span>
      <button type="button" className="ghost top-tool" onClick={onPalette}>{t.keys.palette} <Hint of="palette" /></button>
      <button type="button" className="ghost top-tool" onClick={onHelp}>{t.nav.help} <Hint of="help" /></button>
      <span className="me">
        <span className="me-name">{person.name}</span>
        <button type="button" className="ghost small" onClick={out}>{t.session.out}</button>
      </span>
    </header>
  );
}

function NavButton({ current, onClick, children }: { current: boolean; onClick: () => void; children: string }) {
  return (
    <button type="button" className="nav" aria-current={current ? "page" : undefined} onClick={onClick}>
      {children}
    </button>
  );
}
