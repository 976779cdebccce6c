// The operations of relay.js. relay-compiler compiles them to artifacts.

import { graphql } from "relay-runtime";

graphql`
  query operationsListQuery($first: Int!, $after: String) {
    ...operationsList_rows @arguments(first: $first, after: $after)
  }
`;

graphql`
  fragment operationsList_rows on Query
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" })
  @refetchable(queryName: "operationsListPaginationQuery") {
    verifications(first: $first, after: $after) @connection(key: "operationsList_verifications") {
      edges { node { id status version } }
    }
  }
`;

graphql`
  query operationsNodeQuery($id: ID!) {
    node(id: $id) { id ... on Verification { status version } }
  }
`;

graphql`
  mutation operationsCreateMutation($input: CreateVerificationInput!) {
    createVerification(input: $input) { __typename ... on Verification { id status version } ... on Refusal { code message field } }
  }
`;

graphql`
  subscription operationsFollowSubscription($id: ID!, $after: Int) {
    verificationUpdated(id: $id, after: $after) { verification { id status version } events { version type } }
  }
`;
