import { useQuery } from "@tanstack/react-query";
import { useLiveStatus } from "../api/live/LiveProvider";
import { latestVitals } from "../api/vitals/queries";
import { ageText } from "../time/age";
import { useNow } from "../time/useNow";
import { Notice } from "../ui/Notice";
import { type Outage, outage } from "./outage";

const TITLES: Record<Outage, string> = {
  unreachable: "The hub can’t be reached",
  "not-live": "Live updates are interrupted",
  failing: "The latest readings could not be loaded",
};

/** Says plainly what is wrong, what it means for the numbers on screen, and that nothing needs to be done. */
export function OutageNotice() {
  const status = useLiveStatus();
  const { dataUpdatedAt, isError } = useQuery(latestVitals);
  const trouble = outage(status, { answeredAt: dataUpdatedAt, failing: isError });
  // Without any readings the screen itself says what is wrong.
  if (trouble === null || dataUpdatedAt === 0) return null;
  return (
    <Notice title={TITLES[trouble]} icon="away" tone="warning" testId="outage">
      <Explanation trouble={trouble} answeredAt={dataUpdatedAt} />
    </Notice>
  );
}

function Explanation({ trouble, answeredAt }: { trouble: Outage; answeredAt: number }) {
  const now = useNow();
  if (trouble === "not-live")
    return "New readings may take half a minute to appear. This page keeps trying by itself.";
  return `These readings may be old: the hub last answered ${ageText(answeredAt, now)}. This page keeps trying by itself.`;
}
