import { useEffect, useState } from "react";
import { takeCode } from "../../api/access/code";
import { FirstPinScreen } from "./FirstPinScreen";
import { FullPage } from "./FullPage";
import { PairForm } from "./PairForm";
import { PasskeySignIn, PasskeysElsewhere } from "./PasskeySignIn";
import { usePasskeyWay } from "./usePasskeyWay";

/** Where the link of an invitation leads. */
export function PairScreen({ code: given, onPaired }: { code: string; onPaired: () => void }) {
  const [code, setCode] = useState(given);
  const way = usePasskeyWay();
  const [isChoosingPin, setChoosingPin] = useState(false);
  const paired = (needsPin: boolean) => (needsPin ? setChoosingPin(true) : onPaired());

  // A second link, opened while this page is: the browser changes the address and nothing else.
  useEffect(() => {
    const take = () => {
      const taken = takeCode(window.location, window.history);
      if (taken) setCode(taken);
    };
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);

  if (isChoosingPin) return <FirstPinScreen onDone={onPaired} />;
  return (
    <FullPage title="Pair this device">
      <p>
        {code
          ? "The code is filled in. Choose a name, and this device is let in."
          : "Type the code that you were given."}
      </p>
      <PairForm key={code} code={code} onPaired={paired} />
      {way === "here" && <PasskeySignIn onPaired={onPaired} />}
      {typeof way === "object" && <PasskeysElsewhere at={way.at} />}
    </FullPage>
  );
}
