import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { AREAS } from "../../api/access/audit";
import type { Device } from "../../api/access/device";
import { canBeShared, share, shares } from "../../api/access/shares";
import { troubleText } from "../../api/access/trouble";
import styles from "./setup.module.css";
import own from "./sharedAreas.module.css";

const MAY: Readonly<Record<string, string>> = {
  carer: "What it may see and enter",
  clinician: "What it may see",
  device: "What it may bring",
};

/** What is shared with somebody's device, for the resident to give and to withdraw. */
export function SharedAreas({ device }: { device: Device }) {
  const { data: all } = useQuery(shares);
  const queries = useQueryClient();
  const sharing = useMutation({
    mutationFn: share,
    onSettled: () => queries.invalidateQueries({ queryKey: shares.queryKey }),
  });
  const title = MAY[device.role];
  const shared = all?.get(device.id);
  if (!title || !shared) return null;
  const last = sharing.variables;
  return (
    <details className={own.areas}>
      <summary>{title}</summary>
      <ul aria-label={`${title}: ${device.name}`}>
        {AREAS.filter(({ area }) => canBeShared(device.role, area)).map(({ area, title }) => (
          <li key={area}>
            <label className={styles.check}>
              <input
                type="checkbox"
                checked={sharing.isPending && last?.area === area ? last.isShared : shared.has(area)}
                onChange={({ target }) =>
                  !sharing.isPending &&
                  sharing.mutate({ device: device.id, role: device.role, area, isShared: target.checked })
                }
              />
              <span>{title}</span>
            </label>
          </li>
        ))}
      </ul>
      <p role="status">
        {sharing.isSuccess &&
          last &&
          `${areaTitle(last.area)}: ${last.isShared ? "shared again" : "not shared any more"}.`}
      </p>
      <p role="alert" className={sharing.error ? styles.trouble : undefined}>
        {sharing.error && troubleText(sharing.error)}
      </p>
    </details>
  );
}

function areaTitle(area: string): string {
  return AREAS.find((known) => known.area === area)?.title ?? area;
}
