import type {
  Ending, FollowedResult, FollowOptions, FollowVerificationResult, GatewayClient, GatewayError, VerificationChange,
} from "@verification-gateway/client";
import { useEffect, useRef } from "react";
import { useGatewayClient } from "./client.js";
import { Store, useStore } from "./store.js";

export interface FollowedVerificationState<Result extends FollowedResult = FollowVerificationResult> {
  /** The state to show: that of the newest attempt. Undefined until it has arrived. */
  readonly verification: Result["verificationUpdated"]["verification"] | undefined;
  /** The last change, with its events. */
  readonly change: VerificationChange<Result> | undefined;
  /** Why the following has ended; undefined while it goes on. */
  readonly ending: Ending | undefined;
  readonly error: GatewayError | undefined;
}

export type UseVerificationOptions<Result extends FollowedResult = FollowVerificationResult> =
  Pick<FollowOptions<Result>, "after" | "document" | "followRetries" | "variables"> & {
    /** A client to use instead of that of the GatewayProvider. */
    readonly client?: GatewayClient;
    /** Called once for each change, even if React combines several changes into one rendering. */
    readonly onChange?: (change: VerificationChange<Result>) => void;
  };

const NOTHING = { verification: undefined, change: undefined, ending: undefined, error: undefined };

/** Follow a verification and its retries while the component is mounted. If `id` is null, nothing is followed. */
export function useVerification<Result extends FollowedResult = FollowVerificationResult>(
  id: string | null,
  options: UseVerificationOptions<Result> = {},
): FollowedVerificationState<Result> {
  const client = useGatewayClient(options.client);
  const { followRetries = true, after, document, variables } = options;
  const onChange = useRef(options.onChange);
  useEffect(() => {
    onChange.current = options.onChange;
  });

  const create = () => {
    // A component that is mounted again resumes after the last change.
    let cursor: string | undefined;
    return new Store<FollowedVerificationState<Result>>(NOTHING, (publish) => {
      if (id === null) return () => {};
      const followed = client.followVerification<Result>(id, {
        followRetries, after: cursor ? undefined : after, cursor, document, variables,
        onChange: (change) => {
          cursor = change.cursor;
          publish((before) => ({ ...before, change, verification: change.verification }));
          onChange.current?.(change);
        },
        onEnd: (ending) => {
          if (ending.reason !== "stopped") publish((before) => ({ ...before, ending, error: ending.reason === "failed" ? ending.error : undefined }));
        },
      });
      return () => followed.stop();
    });
  };
  return useStore(create, [client, id, followRetries, after, document, JSON.stringify(variables)]);
}
