import { Component, type ReactNode } from "react";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";

/** A mistake of this page's own must not end in a white screen. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice
        title="Something went wrong on this page"
        icon="warning"
        tone="warning"
        testId="page-error"
        actions={
          <Button look="main" onPress={() => window.location.reload()}>
            Reload
          </Button>
        }
      >
        The readings on the hub are safe.
      </Notice>
    );
  }
}
