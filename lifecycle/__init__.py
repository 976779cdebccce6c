"""Everything that can change a verification: mutations, webhooks, queries of providers, the sandbox's page, observed links, and deadlines."""
