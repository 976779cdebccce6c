"""Work that is still to do, stored so that any process can take it over: starts at a provider, and webhooks to send."""
