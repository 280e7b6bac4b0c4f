/** The reviewer's desk: queue, card, context. On a phone the card comes first. */
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { caseQuery, claimNext, queryClient, useCase, useCases } from "../api/queries";
import type { CaseRow, Person } from "../api/wire";
import { CaseView } from "../card/case_view";
import { handOver } from "../card/reviewing";
import { useCommands } from "../keys/keymap";
import { formatRoute, go, useRoute } from "../route/route";
import { usePerson } from "../session/session";
import { Later, later } from "../ui/later";
import { KEYLESS, PHONE, useMedia } from "../ui/media";
import { Empty, Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { isAnswered, useUndoList } from "../undo/undo_list";
import { t } from "../words";
import { Filters } from "./filters";
import { dropFollowUp, followUp, useFollowUps } from "./follow_ups";
import { heldBy, QueueList } from "./queue_list";
import { clearSelection, toggleSelected, useSelection } from "./selection";

const ContextPane = later(() => import("../context/context_pane"), (module) => module.ContextPane);

export function QueuePage() {
  const { filter, caseId } = useRoute();
  // The row lights up at once; the card follows in the next frame (and answers only for itself, see case_view).
  const shownId = useDeferredValue(caseId);
  const query = useCases(filter);
  const detail = useCase(shownId);
  const selected = useSelection();
  const followUps = useFollowUps();
  const phone = useMedia(PHONE);
  // where no key and no click with Ctrl selects, a tap does: once asked to, and while anything is selected
  const touch = useMedia(KEYLESS);
  const [choosing, setChoosing] = useState(false);
  const taps = touch && (choosing || selected.length > 0);
  const rows = useMemo(() => unique(query.data?.pages.flatMap((page) => page.items) ?? []), [query.data]);
  const total = query.data?.pages[0]?.total ?? rows.length;
  const queues = useQueues(rows, filter.queue);
  // what counts as answered changes with it
  useUndoList();
  const answeredCount = filter.state === "open" ? rows.filter(isAnswered).length : 0;
  const person = usePerson();
  // the case this page chose by itself, until its card is here
  const offered = useRef<string | null>(null);
  const passed = useRef(new Set<string>());
  useEffect(() => passed.current.clear(), [rows]);
  const latestRows = useRef(rows);
  latestRows.current = rows;
  const [blurred, toggleBlur] = useBlur(shownId, (detail.data?.card.harm_classes.length ?? 0) > 0);

  // below the list, or half-way down the last card, nobody would see that another came
  const cardPane = useRef<HTMLElement>(null);
  const showCard = useCallback(() => cardPane.current?.scrollIntoView(), []);
  const open = useCallback(
    (row: CaseRow) => {
      go({ caseId: row.id }, caseId !== null);
      showCard();
    },
    [caseId, showCard],
  );
  const move = (by: number) => {
    const at = rows.findIndex((row) => row.id === caseId);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next) open(next);
  };
  /** The next card shows at once; the list itself is refreshed behind it. */
  const advance = useCallback(() => {
    const list = latestRows.current;
    const at = list.findIndex((row) => row.id === caseId);
    const waits = (row: CaseRow) => row.id !== caseId && isWork(row, person) && !passed.current.has(row.id);
    const next = list.find((row, i) => i > at && waits(row)) ?? list.find(waits);
    if (caseId) dropFollowUp(caseId);
    if (!next) say(t.toast.noneLeft);
    offered.current = next?.id ?? null;
    go({ caseId: next?.id ?? null }, true);
  }, [caseId, person]);
  const settled = useCallback(() => {
    advance();
    showCard();
  }, [advance, showCard]);
  /** What was offered by itself and turns out to be others' by now is no case to stop at. */
  const arrived = detail.data;
  useEffect(() => {
    if (!arrived || arrived.case.id !== offered.current || arrived.case.id !== caseId || detail.isFetching) return;
    offered.current = null;
    if (filter.state !== "open" || isWork(arrived.case, person)) return;
    // the list does not know it yet
    passed.current.add(arrived.case.id);
    advance();
  }, [arrived, caseId, detail.isFetching, filter.state, person, advance]);
  const later = () => {
    if (!caseId) return;
    followUp(caseId);
    say(t.toast.later);
    move(1);
  };

  useEffect(() => {
    const first = rows.find((row) => isWork(row, person));
    if (caseId !== null || !first || filter.state !== "open") return;
    offered.current = first.id;
    go({ caseId: first.id }, true);
  }, [caseId, rows, filter.state, person]);
  useClosedByFilter(formatRoute({ page: "queue", caseId: null, filter }), caseId, rows, query.isSuccess && !query.isPlaceholderData && !query.hasNextPage);
  usePrefetch(rows, caseId, person);
  useCommands({
    down: () => move(1),
    up: () => move(-1),
    select: () => caseId && toggleSelected(caseId),
    blur: toggleBlur,
    ...(selected.length > 0 ? { back: clearSelection } : {}),
  });
  const onEnd = useCallback(() => {
    if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
  }, [query]);

  const queue = (
    <section key="queue" className="pane queue-pane" aria-label={filter.state === "open" ? t.queue.title : t.nav.decided}>
      <Filters filter={filter} queues={queues} />
      <p className="queue-count" role="status">
        {query.isPending ? t.queue.loading : query.isError && rows.length === 0 ? "" : t.queue.count(total)}{answeredCount > 0 && ` · ${t.queue.answeredCount(answeredCount)}`}
        {taps || selected.length > 0 ? (
          <SelectionBar count={selected.length} onDrop={() => setChoosing(false)} />
        ) : filter.state === "open" && rows.length > 0 && (
          <span>
            <TakeNext queue={filter.queue} onTaken={showCard} />
            {touch && <button type="button" className="small ghost" onClick={() => setChoosing(true)}>{t.queue.select}</button>}
          </span>
        )}
      </p>
      {query.isPending ? (
        <Loading text={t.queue.loading} />
      ) : query.isError && rows.length === 0 ? (
        <Failed title={t.queue.failed} error={query.error} retry={() => void query.refetch()} />
      ) : rows.length === 0 ? (
        isFiltered(filter) && <NothingFound />
      ) : (
        <QueueList rows={rows} total={total} current={caseId} selected={selected} taps={taps} followUps={followUps} onOpen={open} onToggle={toggleSelected} onEnd={onEnd} />
      )}
    </section>
  );
  const card = (
    <section key="card" ref={cardPane} className="pane card-pane" aria-label={t.verdict.bar}>
      {shownId === null ? (
        <div className="resting"><h1 className="off-screen">{filter.state === "open" ? t.queue.title : t.nav.decided}</h1>{restingOf(rows.length - answeredCount, query.isSuccess && !isFiltered(filter), filter.state)}</div>
      ) : detail.isPending ? (
        <Loading text={t.card.loading} />
      ) : detail.isError ? (
        <Failed title={t.card.failed} error={detail.error} retry={() => void detail.refetch()} />
      ) : (
        <CaseView key={shownId} detail={detail.data} blurred={blurred} onSettled={settled} onLater={later} />
      )}
    </section>
  );
  const context = (
    <section key="context" className="pane context-pane" aria-label={t.context.label}>
      {detail.data && shownId !== null && <Later fallback={<Loading />}><ContextPane key={shownId} detail={detail.data} blurred={blurred} /></Later>}
    </section>
  );
  return <main className="desk">{phone ? [card, context, queue] : [queue, card, context]}</main>;
}

/** The server picks: skills, order and other people's claims are its business. */
function TakeNext({ queue, onTaken }: { queue: string; onTaken: () => void }) {
  const take = async () => {
    try {
      const taken = await claimNext(queue ? [queue] : []);
      if (!taken) return say(t.toast.noneLeft);
      handOver(taken.claim);
      go({ caseId: taken.claim.case_id });
      onTaken();
    } catch (error) {
      sayProblem(error);
    }
  };
  return <button type="button" className="small ghost" onClick={() => void take()}>{t.queue.next}</button>;
}

function SelectionBar({ count, onDrop }: { count: number; onDrop: () => void }) {
  const drop = () => {
    clearSelection();
    onDrop();
  };
  return (
    <span className="selection-bar">
      {t.queue.selected(count)}
      {count > 0 && <button type="button" className="small" onClick={() => go({ page: "batch" })}>{t.queue.batch}</button>}
      <button type="button" className="small ghost" onClick={drop}>{count > 0 ? t.queue.drop : t.form.cancel}</button>
    </span>
  );
}

function NothingFound() {
  return (
    <Empty title={t.queue.nothingFound} text={t.queue.nothingFoundText}>
      <button type="button" onClick={() => go({ filter: { state: "open", queue: "", tier: "", action: "", q: "", mine: false } }, true)}>{t.queue.clear}</button>
    </Empty>
  );
}

function restingOf(count: number, settled: boolean, state: string) {
  if (count > 0) return <Choose />;
  if (!settled) return null;
  return state === "open" ? <Empty title={t.queue.empty} text={t.queue.emptyText} /> : <Empty title={t.queue.noneDecided} />;
}

function Choose() {
  return useMedia(KEYLESS) ? <Empty title={t.card.choose} /> : <Empty title={t.card.choose} text={t.card.chooseText} />;
}

/** Every queue seen so far and the one asked for: a list that is narrowed to one of them names no other. */
function useQueues(rows: CaseRow[], asked: string): string[] {
  const seen = useRef(new Set<string>());
  return useMemo(() => {
    for (const row of rows) seen.current.add(row.queue);
    return [...new Set([...seen.current, ...(asked ? [asked] : [])])].sort();
  }, [rows, asked]);
}

/** Open, and this person could answer it now. */
const isWork = (row: CaseRow, person: Person): boolean => row.state === "open" && !isAnswered(row) && heldBy(row, person) === null;

const isFiltered = (filter: { queue: string; tier: string; action: string; q: string; mine: boolean }) =>
  Boolean(filter.queue || filter.tier || filter.action || filter.q || filter.mine);

function unique(rows: CaseRow[]): CaseRow[] {
  const seen = new Set<string>();
  return rows.filter((row) => !seen.has(row.id) && seen.add(row.id));
}

/** Harm classes start blurred; `b` is the reviewer's own switch, case by case. */
function useBlur(caseId: string | null, harmful: boolean): [boolean, () => void] {
  const [flipped, setFlipped] = useState<string | null>(null);
  const on = harmful !== (flipped !== null && flipped === caseId);
  return [on, () => setFlipped((before) => (before === caseId ? null : caseId))];
}

/** A changed search or filter closes the case it does not show, so that no key acts on what left the list. An address that was opened stays. */
function useClosedByFilter(asked: string, caseId: string | null, rows: CaseRow[], whole: boolean): void {
  const answered = useRef(asked);
  useEffect(() => {
    if (answered.current === asked || !whole) return;
    answered.current = asked;
    if (caseId !== null && !rows.some((row) => row.id === caseId)) go({ caseId: null }, true);
  }, [asked, caseId, rows, whole]);
}

/** The next card is read ahead, so that one verdict follows another without a wait. */
function usePrefetch(rows: CaseRow[], caseId: string | null, person: Person): void {
  useEffect(() => {
    const at = rows.findIndex((row) => row.id === caseId);
    const next = rows.find((row, i) => i > at && isWork(row, person));
    if (next) void queryClient.prefetchQuery({ ...caseQuery(next.id), staleTime: 5_000 });
  }, [rows, caseId, person]);
}
