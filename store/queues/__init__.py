"""Work that is still to do, stored so that any process can take it over: starts at a provider, received webhooks, and webhooks to send."""
