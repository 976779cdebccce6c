"""The process: settings, HTTP, WebSocket, tokens of callers, limits, metrics, commands. It uses all other packages, and none of them imports it."""
