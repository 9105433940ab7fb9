import type { AnchorHTMLAttributes } from "react";
import styles from "./Button.module.css";

type Props = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "className" | "style">;

/** A link that looks like what is to be done: the browser does it, so it works for files of any size. */
export function LinkButton(props: Props) {
  return <a {...props} className={`${styles.button} ${styles.main} ${styles.link}`} />;
}
