/** A picture without a network request: bytes to bitmap to canvas. Inline addresses (data:) never meet the page. */
import { useEffect, useRef, useState } from "react";
import { t } from "../words";

const INLINE = /^data:image\/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/=\s]+)$/;
/** Small pictures are enlarged by whole pixels, as labellers of digits expect. */
const SMALL = 96;
const WANTED = 320;

export function Picture({ data, label, fallback }: { data: string; label: string; fallback?: string }) {
  const inline = INLINE.exec(data.trim());
  if (inline?.[1] && inline[2]) return <Inline kind={inline[1]} base64={inline[2]} label={label} />;
  if (fallback) return <Served address={fallback} label={label} />;
  return <p className="problem">{t.context.unreadable}</p>;
}

function Served({ address, label }: { address: string; label: string }) {
  const [broken, setBroken] = useState(false);
  if (broken) return <p className="problem">{t.context.unreadable}</p>;
  return <img className="picture" src={address} alt={label} onError={() => setBroken(true)} />;
}

function Inline({ kind, base64, label }: { kind: string; base64: string; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [state, setState] = useState<"loading" | "shown" | "broken">("loading");
  const [small, setSmall] = useState(false);
  useEffect(() => {
    let gone = false;
    draw(kind, base64)
      .then((bitmap) => {
        if (gone || !canvas.current) return;
        const scale = bitmap.width < SMALL && bitmap.height < SMALL ? Math.max(1, Math.floor(WANTED / Math.max(bitmap.width, bitmap.height))) : 1;
        canvas.current.width = bitmap.width * scale;
        canvas.current.height = bitmap.height * scale;
        const pen = canvas.current.getContext("2d");
        if (!pen) throw new Error("no canvas");
        pen.imageSmoothingEnabled = scale === 1;
        pen.drawImage(bitmap, 0, 0, canvas.current.width, canvas.current.height);
        setSmall(scale > 1);
        setState("shown");
      })
      .catch(() => {
        if (!gone) setState("broken");
      });
    return () => {
      gone = true;
    };
  }, [kind, base64]);
  if (state === "broken") return <p className="problem">{t.context.unreadable}</p>;
  return <canvas ref={canvas} className={small ? "picture small-pixels" : "picture"} role="img" aria-label={label} data-state={state} />;
}

async function draw(kind: string, base64: string): Promise<ImageBitmap> {
  const bytes = Uint8Array.from(atob(base64.replaceAll(/\s/g, "")), (char) => char.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: `image/${kind}` }));
}
