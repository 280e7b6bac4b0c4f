/** Finds what a reader cannot see: controls, bidi and zero-width characters, odd spaces, tags, lone surrogates. */

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "hidden"; label: string; name: string }
  | { kind: "url"; text: string; host: string; deceptive: boolean };

const NAMES: Record<number, string> = {
  0x00: "null", 0x08: "backspace", 0x0b: "vertical tab", 0x0d: "carriage return", 0x1b: "escape", 0x7f: "delete",
  0x00a0: "no-break space", 0x00ad: "soft hyphen", 0x034f: "grapheme joiner", 0x061c: "arabic letter mark", 0x115f: "hangul filler", 0x1160: "hangul filler", 0x180e: "vowel separator",
  0x200b: "zero-width space", 0x200c: "zero-width non-joiner", 0x200d: "zero-width joiner", 0x200e: "left-to-right mark",
  0x200f: "right-to-left mark", 0x2028: "line separator", 0x2029: "paragraph separator", 0x202a: "left-to-right embedding",
  0x202b: "right-to-left embedding", 0x202c: "pop directional formatting", 0x202d: "left-to-right override",
  0x202e: "right-to-left override", 0x2060: "word joiner", 0x2061: "function application", 0x2062: "invisible times", 0x2063: "invisible separator", 0x2064: "invisible plus",
  0x2066: "left-to-right isolate", 0x2067: "right-to-left isolate", 0x2068: "first strong isolate", 0x2069: "pop directional isolate", 0x2800: "braille blank", 0x3000: "ideographic space", 0x3164: "hangul filler",
  0xfeff: "byte order mark", 0xffa0: "hangul filler", 0xfffc: "object replacement", 0xfffd: "replacement character",
};

const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffd]|[\u{e0000}-\u{e0fff}]|[\u{1d173}-\u{1d17a}]|(?<!\p{Extended_Pictographic})\ufe0f|\p{Cs}|\p{Co}/gu;

const URL_LIKE = /\b(?:https?|ftp|file|data|javascript|mailto):[^\s<>"'`\u0000-\u0020]+/giu;

/** How many hidden characters a text holds. */
export function countHidden(text: string): number {
  return text.match(HIDDEN)?.length ?? 0;
}

/** Cut a text into plain runs, hidden characters by name, and addresses with their true host. */
export function reveal(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(URL_LIKE)) {
    pieces.push(...revealPlain(text.slice(at, match.index)));
    pieces.push(...address(match[0]));
    at = match.index + match[0].length;
  }
  pieces.push(...revealPlain(text.slice(at)));
  return pieces;
}

/** The same as one plain text, for names that only assistive technology reads. */
export const visible = (text: string): string =>
  reveal(text).map((piece) => (piece.kind === "text" ? piece.text : piece.kind === "hidden" ? `[${piece.label}]` : `${piece.text}${piece.deceptive ? ` [host: ${piece.host}]` : ""}`)).join("");

function revealPlain(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > at) pieces.push({ kind: "text", text: text.slice(at, match.index) });
    pieces.push(hiddenPiece(match[0]));
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ kind: "text", text: text.slice(at) });
  return pieces;
}

function hiddenPiece(char: string): Piece {
  const code = char.codePointAt(0) ?? 0;
  const label = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return { kind: "hidden", label, name: NAMES[code] ?? "hidden character" };
}

function address(text: string): Piece[] {
  let host = "";
  try {
    host = new URL(text).host;
  } catch {
    host = "not a valid address";
  }
  if (countHidden(text) > 0) return [...revealPlain(text), { kind: "url", text: "", host, deceptive: true }];
  // A host that reads otherwise than it resolves, or hides behind a user name, is said out loud.
  const said = host !== "" && !text.toLowerCase().includes(`//${host}`);
  return [{ kind: "url", text, host, deceptive: said || host.includes("xn--") }];
}
