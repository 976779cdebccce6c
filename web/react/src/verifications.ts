import type {
  FollowedList, FollowListOptions, GatewayClient, GatewayError, ListChange, ListRow, VerificationFields, VerificationFilter,
} from "@verification-gateway/client";
import { useGatewayClient } from "./client.js";
import { Store, useStore } from "./store.js";

export interface FollowedVerificationsState<Row extends ListRow = VerificationFields> {
  /** The loaded rows, in the order of the list. */
  readonly rows: readonly Row[];
  /** The number of rows of the whole list. */
  readonly count: number;
  readonly hasMore: boolean;
  /** Whether the first page has not arrived yet. */
  readonly isLoading: boolean;
  /** The last change of the list: what appeared, changed or left. Undefined while the list is loading. */
  readonly change: ListChange<Row> | undefined;
  readonly error: GatewayError | undefined;
  /** Read the next page. The function stays the same while the list is followed, so that it can be a dependency of an effect. */
  readonly loadMore: () => Promise<void>;
}

export type UseVerificationsOptions<Row extends ListRow = VerificationFields> = Pick<FollowListOptions<Row>, "documents" | "orderBy" | "pageSize"> & {
  /** A client to use instead of that of the GatewayProvider. */
  readonly client?: GatewayClient;
};

const LOADING = { rows: [], count: 0, hasMore: false, isLoading: true, change: undefined, error: undefined, loadMore: async () => {} } as const;

/** Follow a list while the component is mounted. The filter may be a new object at each rendering: it is compared by its content. */
export function useVerifications<Row extends ListRow = VerificationFields>(
  filter: VerificationFilter | null = null,
  options: UseVerificationsOptions<Row> = {},
): FollowedVerificationsState<Row> {
  const client = useGatewayClient(options.client);
  const { orderBy, pageSize, documents } = options;
  const create = () =>
    new Store<FollowedVerificationsState<Row>>(LOADING, (publish) => {
      const list: FollowedList = client.followList<Row>(filter, {
        orderBy, pageSize, documents,
        onChange: (change) => {
          const { rows, count, hasMore } = change;
          publish((before) => ({ ...before, rows, count, hasMore, change, isLoading: false, loadMore }));
        },
        onError: (error) => publish((before) => ({ ...before, error, isLoading: false })),
      });
      const loadMore = (): Promise<void> => list.loadMore();
      return () => list.stop();
    });
  return useStore(create, [client, JSON.stringify(filter), orderBy, pageSize, documents?.list, documents?.feed]);
}
