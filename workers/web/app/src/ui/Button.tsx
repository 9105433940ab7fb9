import { Button as AriaButton, type ButtonProps } from "react-aria-components";
import styles from "./Button.module.css";

interface Props extends Omit<ButtonProps, "className" | "style"> {
  /** `plain` for what is beside the point, `main` for the one thing to do. */
  look?: "main" | "plain";
}

export function Button({ look = "plain", ...props }: Props) {
  return <AriaButton {...props} className={`${styles.button} ${styles[look]}`} />;
}
