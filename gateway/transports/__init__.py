"""How clients reach the gateway: HTTP, server-sent events and WebSocket, down to the connections that carry them."""
