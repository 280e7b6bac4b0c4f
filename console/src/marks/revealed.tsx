/** Text from outside, with everything unseen made visible and no address live. */
import { memo } from "react";
import { reveal } from "./hidden";

export const Revealed = memo(function Revealed({ text }: { text: string }) {
  return (
    <bdi className="revealed">
      {reveal(text).map((piece, i) => {
        if (piece.kind === "text") return piece.text;
        if (piece.kind === "hidden")
          return (
            <span key={i} className="hidden-char" title={piece.name}>
              {piece.label}
            </span>
          );
        return (
          <span key={i} className="address">
            {piece.text}
            {piece.deceptive && <span className="address-host">host: {piece.host}</span>}
          </span>
        );
      })}
    </bdi>
  );
});
