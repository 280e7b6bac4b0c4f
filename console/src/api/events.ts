/** Live events by fetch instead of EventSource: any event name is heard, and Last-Event-ID is ours to send. */
import type { LiveEvent } from "./wire";

/** Cut a server-sent-events buffer into whole events; returns them and the unfinished rest. */
export function parseEvents(buffer: string): { events: LiveEvent[]; rest: string } {
  const blocks = buffer.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events: LiveEvent[] = [];
  for (const block of blocks) {
    const event = parseBlock(block);
    if (event) events.push(event);
  }
  return { events, rest };
}

function parseBlock(block: string): LiveEvent | null {
  let id: string | null = null;
  let type = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith(":") || line === "") continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") id = value;
    else if (field === "event") type = value;
    else if (field === "data") data += value;
  }
  if (id === null && data === "") return null;
  return { id, type, case_id: caseOf(data) };
}

function caseOf(data: string): string | null {
  try {
    const value: unknown = JSON.parse(data);
    const id = (value as { case_id?: unknown } | null)?.case_id;
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}

export type Liveness = "live" | "connecting" | "lost";

/** Follow the log until the returned function is called. After a break it resumes behind the last event seen. */
export function follow(onEvent: (event: LiveEvent) => void, onState: (state: Liveness) => void): () => void {
  const stop = new AbortController();
  let last: string | null = null;
  let failures = 0;

  async function once(): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (last !== null) headers["Last-Event-ID"] = last;
    const response = await fetch("/v1/events", { headers, credentials: "same-origin", signal: stop.signal });
    if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
    failures = 0;
    onState("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const cut = parseEvents(buffer + value);
      buffer = cut.rest;
      for (const event of cut.events) {
        if (event.id !== null) last = event.id;
        onEvent(event);
      }
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await once();
      } catch {
        failures += 1;
      }
      if (stop.signal.aborted) return;
      onState(failures > 2 ? "lost" : "connecting");
      await new Promise((wake) => setTimeout(wake, Math.min(15_000, 500 * 2 ** failures)));
    }
  }

  void run();
  return () => stop.abort();
}
