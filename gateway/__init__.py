"""The process: settings, HTTP, WebSocket, identity of the caller, limits, metrics, commands. The only composer."""
