/** The text of an operation document, with the TypeScript types of its result and its variables. */
export type TypedDocument<Result, Variables> = string & { readonly __types?: (variables: Variables) => Result };
