"""HTTP, server-sent events and WebSocket, down to the connections."""
