import { useMemo } from "react";
import { encode } from "uqr";
import styles from "./setup.module.css";

/** The light edge that readers need, in modules. */
const QUIET = 4;

/** Dark on light in both schemes: many cameras read no other. */
export function QrCode({ text }: { text: string }) {
  const { size, data } = useMemo(() => encode(text, { border: QUIET }), [text]);
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg className={styles.qr} viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the link">
      <rect width={size} height={size} fill="#fff" />
      <path d={dark.join("")} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}
