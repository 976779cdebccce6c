"""Work that is still to do, stored so that any process can take it over: starts at providers, queries of providers, and webhooks to send."""
